/**
 * The lines of the live view, made from the run record alone: where the run is, what it does, how long that took and
 * may take. Pure: a look (size, symbols, time) and a record give lines. Text of others is made inert here.
 */
import type { RunRecord, StepRecord } from "../../engine/run-record.ts";
import { inertLine } from "../../report/inert.ts";
import { formatDuration } from "../../util/duration.ts";
import { dot, ellipsis, type Look, leadWidth, paintIf, stepSymbol, symbol } from "./live-look.ts";
import type { Role, Symbols } from "./terminal.ts";
import { clip, columnsOf, padEnd, wrapWords } from "./text-width.ts";

/** `live` lines are cut to one row; `final` ones stay in the scrollback and lose nothing. */
export type Mode = "live" | "final";

const detailRows = 3;
const shownFailures = 5;
/** From here on details stand below the title; in less they begin below the id. */
const roomyColumns = 60;

export function openingLines(run: RunRecord, look: Look): string[] {
  const { started } = run;
  const name = `${started.runbook} ${started.version}`;
  const inputs = started.inputs
    .filter((input) => !input.sensitive && input.value !== null && input.source !== "default")
    .map(
      (input) =>
        `${input.name}=${inertLine(typeof input.value === "string" ? input.value : JSON.stringify(input.value))}`,
    );
  const title = inertLine(started.title);
  const beside = columnsOf(title) + columnsOf(name) + 5 < look.columns;
  const where = [
    ...(beside ? [] : [name]),
    `${started.target}${started.protected ? " (protected)" : ""}`,
    ...inputs,
    run.run,
    `as ${inertLine(started.actor)}`,
  ].join(` ${dot(look)} `);
  return [
    "",
    ...row(look, { indent: 2, lead: "", text: title, right: [beside ? name : ""], mode: "final", role: "strong" }),
    ...wrapWords(where, look.columns - 3).map((line) => `  ${paintIf(look, line, "quiet")}`),
    ...wrapWords(`head sha256:${run.headHash}`, look.columns - 3).map((line) => `  ${paintIf(look, line, "quiet")}`),
    "",
  ];
}

/** What an earlier execution did, in one line: it will not run again. */
export function doneBeforeLines(run: RunRecord, look: Look): string[] {
  const done = rootSteps(run).filter((step) => ["succeeded", "skipped", "undone"].includes(step.status));
  if (done.length === 0) return [];
  const text = `${done.map((step) => step.path).join(", ")}: done, will not run again`;
  return wrapWords(text, look.columns - 5).map((line, at) =>
    at === 0 ? `  ${symbol(look, "ok", "good")} ${line}` : `${" ".repeat(leadWidth(look) + 3)}${line}`,
  );
}

/** A step with its details; its members are other steps' lines. */
export function stepLines(run: RunRecord, step: StepRecord, level: number, look: Look, mode: Mode): string[] {
  const indent = 2 + level * 4;
  const lead = `${stepSymbol(step, look)} ${paintIf(look, padEnd(step.id, idWidth(run, step, look)), step.status === "running" ? "strong" : null)}  `;
  const title = inertLine(step.title === step.path ? step.id : step.title);
  const lines = row(look, { indent, lead, text: title, right: rightText(run, step, look), mode, role: null });
  const begin = indent + columnsOf(lead.replace(colorCodes, ""));
  const inner = look.columns >= roomyColumns ? begin : indent + leadWidth(look) + 1;
  for (const { text, role } of details(run, step, look, mode)) {
    const width = look.columns - inner - 1;
    const shown = mode === "live" ? [clip(text, width, ellipsis(look))] : wrapWords(text, width);
    const kept =
      shown.length > detailRows
        ? [...shown.slice(0, detailRows - 1), clip(`${shown[detailRows - 1]} ${ellipsis(look)}`, width, ellipsis(look))]
        : shown;
    for (const line of kept) lines.push(" ".repeat(inner) + paintIf(look, line, role));
  }
  return lines;
}

/** Steps that have not begun; at most `room` lines, the rest as a number. */
export function pendingLines(run: RunRecord, look: Look, room: number): string[] {
  const pending = rootSteps(run).filter(
    (step) => step.status === "pending" && (step.phase === "steps" || step.phase === "always"),
  );
  const shown = pending.length <= room ? pending : pending.slice(0, Math.max(0, room - 1));
  const lines = shown.flatMap((step) => stepLines(run, step, 0, look, "live").slice(0, 1));
  const rest = pending.length - shown.length;
  if (rest > 0 && room > 0)
    lines.push(`  ${symbol(look, "pending", "quiet")} ${paintIf(look, `${ellipsis(look)} and ${rest} more`, "quiet")}`);
  return lines;
}

/** What the run left undone when it stopped. */
export function notRunLines(run: RunRecord, look: Look): string[] {
  const pending = rootSteps(run).filter((step) => step.status === "pending" && step.phase === "steps");
  if (pending.length === 0) return [];
  const words = run.finished === null ? "not run yet" : "did not run";
  const text = `${pending.map((step) => step.path).join(", ")}: ${words}`;
  return wrapWords(text, look.columns - leadWidth(look) - 4).map((line, at) =>
    at === 0
      ? `  ${symbol(look, "pending", "quiet")} ${paintIf(look, line, "quiet")}`
      : `${" ".repeat(leadWidth(look) + 3)}${paintIf(look, line, "quiet")}`,
  );
}

/** The two clocks (our work against the budget, wall clock against the objectives), and what the keys do. */
export function footerLines(run: RunRecord, look: Look): string[] {
  if (run.finished !== null) return [];
  const wallMs = Math.max(0, look.nowMs - Date.parse(run.started.at));
  const openMs = run.waitingSince === null ? 0 : Math.max(0, look.nowMs - Date.parse(run.waitingSince));
  const workingMs = Math.max(0, wallMs - run.waitedMs - openMs);
  const parts = [clock("working", workingMs, run.started.budgetMs, look)];
  for (const objective of run.started.objectives)
    parts.push(clock(inertLine(objective.name), wallMs, objective.targetMs, look));
  if (look.keys) parts.push({ text: keysText(run), role: run.signals.length > 0 ? "warning" : "quiet" });
  if (look.keys && run.signals.length === 0) parts.push({ text: "l log · ? keys", role: "quiet" });
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const { text, role } of parts) {
    for (const piece of wrapWords(text, look.columns - 3)) {
      const columns = columnsOf(piece);
      if (used > 0 && used + 3 + columns > look.columns - 3) {
        lines.push(line);
        line = "";
        used = 0;
      }
      line += `${used > 0 ? "   " : "  "}${paintIf(look, piece, role)}`;
      used += (used > 0 ? 3 : 0) + columns;
    }
  }
  return ["", ...lines, line];
}

/** Something to say between steps; stays. */
export function noteLines(look: Look, mark: keyof Symbols, role: Role | null, text: string): string[] {
  return wrapWords(inertLine(text), look.columns - leadWidth(look) - 4).map((line, at) =>
    at === 0
      ? `  ${symbol(look, mark, role)} ${paintIf(look, line, role)}`
      : `${" ".repeat(leadWidth(look) + 3)}${paintIf(look, line, role)}`,
  );
}

/** Top-level steps in execution order: no members, no items, no way back. */
export function rootSteps(run: RunRecord): StepRecord[] {
  return [...run.steps.values()].filter((step) => step.path === rootOf(step.path));
}

/** The block a step belongs to: its top-level step, or itself on the way back. */
export function rootOf(path: string): string {
  const rollback = /^(.*?\.rollback\.[^.[]+)/.exec(path);
  return rollback?.[1] ?? /^[^.[]+/.exec(path)?.[0] ?? path;
}

export function isForEach(step: StepRecord): boolean {
  return /^\d+ items$/.test(step.action ?? "");
}

interface Row {
  readonly indent: number;
  readonly lead: string;
  readonly text: string;
  /** From the fullest to the shortest; the fullest that leaves room for the text is taken. */
  readonly right: readonly string[];
  readonly mode: Mode;
  readonly role: Role | null;
}

function row(look: Look, { indent, lead, text, right, mode, role }: Row): string[] {
  const begin = indent + columnsOf(lead.replace(colorCodes, ""));
  const width = look.columns - 1;
  const wanted = Math.min(columnsOf(text), 18);
  const fits =
    right.find((item) => width - begin - columnsOf(item) - (item === "" ? 0 : 2) >= wanted) ?? right.at(-1) ?? "";
  const room = Math.max(6, width - begin - columnsOf(fits) - (fits === "" ? 0 : 2));
  const [first = "", ...rest] = mode === "live" ? [clip(text, room, ellipsis(look))] : wrapWords(text, room);
  const gap = " ".repeat(Math.max(2, width - begin - columnsOf(first) - columnsOf(fits)));
  const tail = fits === "" ? "" : gap + paintIf(look, fits, "quiet");
  const head = `${" ".repeat(indent)}${lead}${paintIf(look, first, role)}${tail}`;
  return [head, ...rest.map((line) => " ".repeat(begin) + paintIf(look, line, role))];
}

const colorCodes = /\u001b\[[0-9;]*m/g;

function rightText(run: RunRecord, step: StepRecord, look: Look): string[] {
  const { status } = step;
  if (status === "pending") {
    const members = membersOf(run, step.path).length;
    return members > 0 && step.stepType === "parallel" ? [`${members} in parallel`, ""] : [""];
  }
  if (status === "waiting") {
    const until = step.approval?.request.expiresAt ?? null;
    if (until === null) return ["waits for a person", "waits"];
    const far = Date.parse(until) - look.nowMs > 20 * 3_600_000;
    const when = far ? until.slice(0, 10) : `${until.slice(11, 16)}Z`;
    return [`waits until ${when}`, `until ${when}`];
  }
  if (status === "skipped") return [""];
  const tries = step.attempts.length > 1 ? `${step.attempts.length} tries  ` : "";
  const begun = step.attempts.at(-1)?.startedAt ?? step.startedAt;
  if (status === "running") {
    if (begun === null) return [""];
    const time = seconds(
      Math.max(0, look.nowMs - Date.parse(step.attempts.length > 1 ? begun : (step.startedAt ?? begun))),
    );
    const limit = step.commands.findLast((command) => command.end === null)?.timeoutMs;
    const within = limit === undefined ? time : `${time} of ${seconds(limit + 500)}`;
    const effects = step.effects === "read" ? "" : `${step.effects}  `;
    const attempt = step.attempts.length > 1 ? `attempt ${step.attempts.length}  ` : "";
    return [`${effects}${attempt}${within}`, `${attempt}${within}`, `${attempt}${time}`, time];
  }
  const time = step.durationMs === null ? "" : formatDuration(step.durationMs);
  const who = step.approval?.decisions.findLast((decision) => decision.decision !== "refused")?.by?.name;
  const by = who === undefined ? "" : `${inertLine(who)}  `;
  const word = statusWord(step);
  return [`${by}${word}${tries}${time}`, `${word}${tries}${time}`, `${word}${time}`, time];
}

/** Colour and symbol are not the only carriers of what went wrong. */
function statusWord(step: StepRecord): string {
  switch (step.status) {
    case "failed":
    case "timed_out":
    case "cancelled":
    case "undo_failed":
      return `${step.status.replace("_", " ")}  `;
    case "indeterminate":
      return "outcome unknown  ";
    default:
      return "";
  }
}

interface Detail {
  readonly text: string;
  readonly role: Role | null;
}

function details(run: RunRecord, step: StepRecord, look: Look, mode: Mode): Detail[] {
  const { status } = step;
  if (status === "pending") return [];
  if (isForEach(step)) return itemDetails(run, step, look, mode);
  if (status === "running") return runningDetail(run, step, look);
  if (status === "skipped") return [{ text: inertLine(step.why ?? "skipped"), role: "quiet" }];
  if (status === "indeterminate") return [{ text: inertLine(step.why ?? ""), role: "warning" }];
  if (status === "waiting") return [];
  const found: Detail[] = [];
  const outputs = Object.entries(step.outputs)
    .filter(([, value]) => value !== null && typeof value !== "object")
    .map(([name, value]) => `${name} ${clip(inertLine(String(value)), 120, ellipsis(look))}`);
  if (outputs.length > 0) found.push({ text: outputs.join(` ${dot(look)} `), role: "quiet" });
  if (step.why !== null && step.why !== "continueOnFailure") found.push({ text: inertLine(step.why), role: "quiet" });
  const unmet = step.checks.filter((check) => check.status !== "met");
  for (const check of unmet) {
    found.push({
      text: inertLine(
        check.message ?? `${check.that}: expected ${check.expected}, actual ${check.actual ?? check.status}`,
      ),
      role: "warning",
    });
  }
  const failure = step.failure;
  if (
    failure !== null &&
    failure.reason !== "member" &&
    !unmet.some((check) => failure.message.includes(check.message ?? check.that))
  ) {
    found.push({ text: inertLine(failure.message), role: "warning" });
  }
  if (status === "failed" && step.why === "continueOnFailure")
    found.push({ text: "the run goes on (continueOnFailure)", role: "quiet" });
  return found;
}

function runningDetail(run: RunRecord, step: StepRecord, look: Look): Detail[] {
  const last = step.attempts.at(-1);
  if (last !== undefined && last.finishedAt !== null && last.failure !== null) {
    return [{ text: `tries again: ${inertLine(last.failure.message)}`, role: "warning" }];
  }
  if (step.polls > 0) {
    const open = step.checks.find((check) => check.status !== "met");
    const waits =
      open === undefined
        ? ""
        : `, waits for ${inertLine(open.that)}${open.actual === null ? "" : ` (now ${inertLine(open.actual)})`}`;
    return [{ text: `looked ${step.polls} time${step.polls === 1 ? "" : "s"}${waits}`, role: "quiet" }];
  }
  if (membersOf(run, step.path).length > 0) return [];
  const line = look.tail(step, 1)[0] ?? null;
  return line === null || line.trim() === "" ? [] : [{ text: inertLine(line).trim(), role: "quiet" }];
}

/** Thousands of items are a few numbers; only what failed has a name. */
function itemDetails(run: RunRecord, step: StepRecord, look: Look, mode: Mode): Detail[] {
  const total = Number.parseInt(step.action ?? "0", 10);
  const count = { ok: 0, failed: 0, running: 0, other: 0 };
  const failed: StepRecord[] = [];
  for (let at = 0; at < total; at++) {
    const item = run.steps.get(`${step.path}[${at}]`);
    if (item === undefined || item.status === "pending") continue;
    if (item.status === "succeeded" || item.status === "skipped") count.ok++;
    else if (item.status === "running") count.running++;
    else if (item.status === "failed" || item.status === "timed_out") {
      count.failed++;
      failed.push(item);
    } else count.other++;
  }
  const parts = [`${count.ok} of ${total} done`];
  if (count.failed > 0) parts.push(`${count.failed} failed`);
  if (count.running > 0) parts.push(`${count.running} running`);
  if (count.other > 0) parts.push(`${count.other} waiting or stopped`);
  const lines: Detail[] = [{ text: parts.join(` ${dot(look)} `), role: count.failed > 0 ? "warning" : "quiet" }];
  const shown = mode === "live" ? 1 : shownFailures;
  for (const item of failed.slice(0, shown))
    lines.push({ text: `${item.path}: ${inertLine(item.failure?.message ?? item.status)}`, role: "warning" });
  if (mode === "final" && failed.length > shown)
    lines.push({ text: `and ${failed.length - shown} more that failed`, role: "warning" });
  return lines;
}

/** Direct members, as planned or as begun; items of a `forEach` are not members. */
export function membersOf(run: RunRecord, path: string): StepRecord[] {
  const prefix = `${path}.`;
  return [...run.steps.values()].filter((step) => {
    if (!step.path.startsWith(prefix)) return false;
    const rest = step.path.slice(prefix.length);
    return rest !== "" && !/[.[]/.test(rest) && !rest.startsWith("rollback");
  });
}

function clock(name: string, ms: number, limitMs: number | null, look: Look): Detail {
  if (limitMs === null) return { text: `${name} ${clockTime(ms)}`, role: "quiet" };
  const text = `${name} ${clockTime(ms)} of ${clockTime(limitMs)}`;
  if (ms > limitMs) return { text: `${look.symbols.warn} ${text}, over by ${clockTime(ms - limitMs)}`, role: "error" };
  if (ms > limitMs * 0.8)
    return { text: `${look.symbols.warn} ${text}, ${Math.floor((ms / limitMs) * 100)} % used`, role: "warning" };
  return { text, role: "quiet" };
}

/** `0:21`, `1:02:03`. */
function clockTime(ms: number): string {
  const whole = Math.floor(ms / 1_000);
  const pad = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** Whole seconds: a running time must not flicker. */
function seconds(ms: number): string {
  const whole = Math.floor(ms / 1_000);
  return whole < 60 ? `${whole}s` : formatDuration(whole * 1_000);
}

function keysText(run: RunRecord): string {
  const presses = run.signals.at(-1)?.press ?? 0;
  if (presses === 0) return "Ctrl-C stops after this step";
  return presses === 1 ? "stopping after this step; Ctrl-C again ends it now" : "ending the step; Ctrl-C again leaves";
}

/** Ids of one level stand below one another; a long one does not push all titles away. */
function idWidth(run: RunRecord, step: StepRecord, look: Look): number {
  const parent = step.path.slice(0, Math.max(0, step.path.length - step.id.length - 1));
  const siblings = step.path === rootOf(step.path) ? rootSteps(run) : membersOf(run, parent);
  const cap = Math.max(6, Math.min(14, Math.floor(look.columns / 4)));
  return Math.min(cap, Math.max(...siblings.map((item) => columnsOf(item.id)), 0));
}
