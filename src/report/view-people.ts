/** The part of the view about people: what they were asked, what they decided, and what did not go as written. */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { between, durationText } from "./format.ts";

export interface QuestionDetail {
  readonly step: string;
  readonly kind: string;
  readonly title: string;
  readonly prompt: string;
  readonly from: readonly string[];
  readonly min: number;
  readonly selfApproval: boolean;
  readonly askedAt: string;
  readonly expiresAt: string | null;
  readonly state: string;
  readonly shown: string;
  readonly shownDigest: string;
  readonly seq: number;
  readonly answers: readonly AnswerRow[];
}

export interface AnswerRow {
  readonly decision: string;
  readonly name: string;
  readonly how: string;
  readonly at: string;
  readonly after: string;
  readonly reason: string;
  readonly attachments: readonly { readonly name: string; readonly path: string }[];
  readonly seq: number;
}

export interface DeviationRow {
  readonly kind: string;
  readonly step: string | null;
  readonly what: string;
  readonly by: string;
  readonly reason: string;
  readonly at: string;
  readonly seq: number;
}

export interface ParticipantRow {
  readonly name: string;
  readonly role: "initiator" | "approver" | "operator";
  /** `login`, or the id of a key. */
  readonly identifiedBy: string;
  readonly seq: number;
}

export interface SignOffRow {
  readonly role: string;
  readonly name: string;
  readonly date: string;
  readonly agreed: string;
  readonly signature: string;
}

export function questions(steps: readonly StepRecord[]): QuestionDetail[] {
  const list: QuestionDetail[] = [];
  for (const step of steps) {
    if (step.approval === null) continue;
    const { request, decisions, state } = step.approval;
    list.push({
      step: step.path,
      kind: request.kind,
      title: request.title,
      prompt: request.prompt,
      from: request.from,
      min: request.min,
      selfApproval: request.selfApproval,
      askedAt: request.at,
      expiresAt: request.expiresAt,
      state,
      shown: request.shown,
      shownDigest: request.shownDigest,
      seq: request.seq,
      answers: decisions.map((d) => ({
        decision: d.decision === "refused" ? "did not count" : d.decision,
        name: d.by?.name ?? "nobody",
        how: howText(d.by, d.signature),
        at: d.at,
        after: durationText(between(request.at, d.at) ?? 0),
        reason: d.reason ?? "",
        attachments: d.attachments.map((a) => ({ name: a.name, path: a.path })),
        seq: d.seq,
      })),
    });
  }
  return list;
}

function howText(
  by: { readonly method: string; readonly login: string; readonly keyId: string | null } | null,
  signature: string | null,
): string {
  if (by === null) return "no person";
  if (by.method === "login") return `login ${by.login}`;
  const key = by.keyId === null ? "" : ` by key ${by.keyId}`;
  return `${by.method === "signature" ? "signed" : "approval file, signed"}${key}, login ${by.login}${signature === null ? ", signature not kept" : ""}`;
}

export function deviationRows(record: RunRecord): DeviationRow[] {
  return record.deviations.map((d) => ({
    kind: d.kind.replaceAll("-", " "),
    step: d.step,
    what: d.what,
    by: d.by ?? "",
    reason: d.reason ?? "",
    at: d.at,
    seq: d.seq,
  }));
}

/** Everybody who started, answered or intervened, once per role, where they first did. */
export function participants(record: RunRecord, steps: readonly StepRecord[]): ParticipantRow[] {
  const people = new Map<string, ParticipantRow>();
  const add = (row: ParticipantRow) => {
    const key = `${row.role} ${row.name}`;
    if (!people.has(key)) people.set(key, row);
  };
  const { started } = record;
  add({ role: "initiator", name: started.actor, identifiedBy: "login", seq: started.seq });
  for (const { approval } of steps) {
    for (const { by, decision, seq } of approval?.decisions ?? []) {
      if (by === null || decision === "refused") continue;
      const role = approval?.request.kind === "approval" ? "approver" : "operator";
      add({ role, name: by.name, identifiedBy: by.keyId ?? by.method, seq });
    }
  }
  for (const { by, seq } of record.deviations) {
    if (by !== null) add({ role: "operator", name: by, identifiedBy: "login", seq });
  }
  return [...people.values()];
}

/** People who took part, and empty lines for those who read it afterwards. */
export function signOffRows(record: RunRecord, steps: readonly StepRecord[]): SignOffRow[] {
  const open = { date: "", agreed: "", signature: "" };
  const rows: SignOffRow[] = [{ role: "Started by", name: record.started.actor, ...open }];
  const seen = new Set<string>();
  for (const step of steps) {
    for (const decision of step.approval?.decisions ?? []) {
      if (decision.decision !== "approved" || decision.by === null) continue;
      const role = step.approval?.request.kind === "approval" ? "Approved by" : "Confirmed by";
      const key = `${role} ${decision.by.name}`;
      if (seen.has(key)) continue;
      seen.add(key);
      rows.push({ role, name: decision.by.name, ...open });
    }
  }
  return [...rows, { role: "Reviewed by", name: "", ...open }];
}
