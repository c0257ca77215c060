/** The part of the view about what a run leaves: kept files, back-ups, and what its writes changed. */
import type { Artifact } from "../engine/events.ts";
import type { StepRecord } from "../engine/run-record.ts";
import { isObject, type Json } from "../util/json.ts";
import { mediaTypeOf } from "./media-type.ts";
import { isGroup, undoneStep } from "./step-order.ts";
import { checksText, shortValue, statusText } from "./step-text.ts";
import { ends } from "./timeline.ts";

export interface ArtifactRow {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly mediaType: string;
  readonly sha256: string;
  readonly step: string;
  readonly seqs: readonly number[];
}

/** A back-up that a step took or read from end to end. */
export interface BackupRow {
  readonly step: string;
  /** Its SHA-256 names it whatever its file is called. */
  readonly sha256: string;
  readonly bytes: number | null;
  readonly takenAt: string;
  /** What its step and the checks of later steps found. */
  readonly integrity: string;
  readonly seqs: readonly number[];
}

export interface ChangeRow {
  readonly step: string;
  readonly effects: string;
  readonly action: string;
  /** Each value the write step reports, beside what an earlier step read under the same name. */
  readonly values: readonly { readonly name: string; readonly before: string | null; readonly after: string | null }[];
  readonly standing: string;
  readonly seqs: readonly number[];
}

export function artifactRows(steps: readonly StepRecord[]): ArtifactRow[] {
  const rows: ArtifactRow[] = [];
  for (const step of steps) {
    for (const artifact of step.artifacts) rows.push(artifactRow(artifact, step, step.seqs.at(-1)));
    for (const { attachments, seq } of step.approval?.decisions ?? []) {
      for (const artifact of attachments) rows.push(artifactRow(artifact, step, seq));
    }
  }
  return rows;
}

function artifactRow(artifact: Artifact, step: StepRecord, seq: number | undefined): ArtifactRow {
  const mediaType = mediaTypeOf(artifact.name);
  return { ...artifact, mediaType, step: step.path, seqs: seq === undefined ? [] : [seq] };
}

/** Steps whose result says when a back-up was taken and which bytes it is, as `postgres/dump` and `postgres/inspect` do. */
export function backupRows(steps: readonly StepRecord[]): BackupRow[] {
  return steps.flatMap((step) => {
    const { takenAt, sha256, bytes } = isObject(step.result) ? step.result : {};
    if (typeof takenAt !== "string" || typeof sha256 !== "string") return [];
    // An expression names the back-up's step where its result is compared with what was restored.
    const comparing = steps.filter(
      (other) => other !== step && other.checks.some((check) => namesStep(check.that, step.path)),
    );
    const found = [step, ...comparing].flatMap((other) => {
      const checks = other === step ? step.checks : other.checks.filter((check) => namesStep(check.that, step.path));
      const text = checksText(checks);
      return other === step || text !== "" ? [`${statusText(other)}${text && `, checks ${text}`} (${other.path})`] : [];
    });
    return [
      {
        step: step.path,
        sha256,
        bytes: bytes === undefined || bytes === null ? null : Number(bytes),
        takenAt,
        integrity: found.join("; "),
        seqs: [step, ...comparing].flatMap((other) => other.seqs.slice(-1)),
      },
    ];
  });
}

function namesStep(expression: string, path: string): boolean {
  const at = expression.indexOf(`steps.${path}.`);
  return at >= 0 && !/[A-Za-z0-9_.]/.test(expression[at - 1] ?? "");
}

/** One row per write that was begun, with the values it reports and whether it still stands. */
export function changeRows(steps: readonly StepRecord[]): ChangeRow[] {
  const read = new Map<string, StepRecord>();
  const undo = new Map<string, StepRecord[]>();
  for (const step of steps) {
    const of = step.phase === "rollback" ? undoneStep(step.path) : null;
    if (of !== null) undo.set(of, [...(undo.get(of) ?? []), step]);
  }
  const rows: ChangeRow[] = [];
  for (const step of steps) {
    if (step.phase === "rollback") continue;
    if (step.effects !== "read" && !isGroup(step, steps) && (step.tookEffect || step.status === "undone")) {
      rows.push({
        step: step.path,
        effects: step.effects,
        action: step.action ?? step.title,
        values: valueNames(step).map((name) => ({
          name,
          before: textBefore(step, name, read.get(name)),
          after: textAfter(step, name),
        })),
        standing: standingText(step, undo.get(step.path) ?? []),
        seqs: ends(step.seqs),
      });
    } else {
      for (const name of valueNames(step)) read.set(name, step);
    }
  }
  return rows;
}

/** What a step type itself recorded: `before` in its result, and the same names afterwards. Null = it recorded none. */
function recordedBefore({ result }: StepRecord): { readonly [name: string]: Json } | null {
  const before = isObject(result) ? result["before"] : null;
  return isObject(before) ? (before as { readonly [name: string]: Json }) : null;
}

function valueNames(step: StepRecord): string[] {
  return Object.keys(recordedBefore(step) ?? step.outputs);
}

function textBefore(step: StepRecord, name: string, earlier: StepRecord | undefined): string | null {
  const before = recordedBefore(step);
  if (before !== null) return shortValue(before[name] ?? null, false);
  return earlier === undefined ? null : `${textAfter(earlier, name)} (read by ${earlier.path})`;
}

function textAfter(step: StepRecord, name: string): string {
  if (recordedBefore(step) === null) return shortValue(step.outputs[name] ?? null, false);
  const value = (step.result as { readonly [name: string]: Json | undefined })[name];
  return value === undefined ? "not seen" : shortValue(value, false);
}

function standingText(step: StepRecord, undo: readonly StepRecord[]): string {
  const by = undo.map((u) => `${u.path} (${statusText(u)})`).join(", ");
  if (step.status === "undone") {
    const verified =
      step.undoVerified === null ? "not verified" : step.undoVerified ? "verified" : "verification failed";
    return `undone${by && ` by ${by}`}, ${verified}`;
  }
  const seen = step.lastSeen === null ? "" : `; last seen: ${step.lastSeen.actual ?? "nothing that decides"}`;
  if (step.status === "undo_failed") return `state unknown: undo failed${by && `: ${by}`}${seen}`;
  if (step.status === "indeterminate") return `state unknown: interrupted${seen}`;
  if (by !== "") return `undo began: ${by}`;
  if (step.status === "succeeded") return "in effect";
  return step.approval?.request.kind === "indeterminate"
    ? `state unknown: a person has to look${seen}`
    : "not undone; it may have taken effect in part";
}
