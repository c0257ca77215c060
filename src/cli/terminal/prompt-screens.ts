/** What a person reads before they answer: the question, its consequence, the way back, and the words to type. Pure. */
import type { Objection } from "../../engine/decision.ts";
import type { ApprovalRecord, RunRecord, StepRecord } from "../../engine/run-record.ts";
import { isTolerated } from "../../engine/tolerated.ts";
import type { Runbook } from "../../language/runbook.ts";
import { withoutItems } from "../../plan/scope.ts";
import { inertLine } from "../../report/inert.ts";
import { formatDuration } from "../../util/duration.ts";
import type { Command } from "../command.ts";
import { stepsByPath } from "../start/overrides.ts";
import { legible, paint, type Terminal, unicodeSymbols } from "./terminal.ts";
import { wrapWords } from "./text-width.ts";

export interface Screen {
  readonly terminal: Terminal;
  readonly columns: number;
}

export function screenOf(command: Command): Screen {
  const columns = Number(process.env["COLUMNS"]) || process.stderr.columns || command.terminal.width;
  return { terminal: command.terminal, columns: Math.max(30, columns) };
}

/** One key or word and what it does. */
export type Choice = readonly [word: string, does: string];

/** Exactly the text the answer is bound to, and who may answer. */
export function approvalScreen(
  screen: Screen,
  record: RunRecord,
  approval: ApprovalRecord,
  objection: Objection,
): string {
  const { request } = approval;
  const lines = ["", ...shownLines(screen, request.shown), "", `  head sha256:${record.headHash}`];
  if (request.min > 1) {
    const names = new Set(
      approval.decisions.filter((item) => item.decision === "approved").map((item) => item.by?.name),
    );
    lines.push(...flow(screen, `${names.size} of ${request.min} approvals so far.`));
  }
  if (objection !== null) {
    const from = request.from.length > 0 ? request.from.join(" or ") : "a listed approver";
    lines.push(
      ...flow(screen, `You cannot approve it here: ${objection.why}.`, "warning"),
      ...flow(screen, `Ask ${from}; they type:`),
      `    ${objection.next ?? `runbook approve ${record.run} --step ${request.step}`}`,
    );
  }
  return ended(screen, lines);
}

export function manualScreen(screen: Screen, step: StepRecord, approval: ApprovalRecord, nowMs: number): string {
  const { request } = approval;
  const since = formatDuration(Math.max(0, nowMs - Date.parse(request.at)));
  const lines = ["", ...flow(screen, `${step.path}  ${inertLine(request.title)}  (asked ${since} ago)`, "strong"), ""];
  lines.push(...shownLines(screen, request.shown.replace(/\n{3,}/g, "\n\n")), "");
  if (request.evidence !== "none") lines.push(...flow(screen, `Evidence is required: a ${request.evidence}.`), "");
  return ended(screen, lines);
}

/** A step that was running when its executor died: what is known, and why nobody can tell. */
export function unknownScreen(screen: Screen, step: StepRecord): string {
  const command = step.commands.at(-1);
  const lines = [
    "",
    ...flow(
      screen,
      `Nobody knows whether ${step.path} took effect: ${inertLine(step.why ?? "its result was lost")}.`,
      "warning",
    ),
    "",
    ...flow(screen, `what     ${step.effects}  ${inertLine(step.action ?? step.title)}`),
    ...flow(screen, `started  ${step.startedAt ?? "unknown"}, attempt ${step.attempts.length}`),
  ];
  if (command?.end) {
    const { exitCode, signal } = command.end;
    lines.push(...flow(screen, `its last command ended with ${signal ?? `exit code ${exitCode}`}`));
  }
  lines.push(...flow(screen, "Look at the thing itself before you answer."), "");
  return ended(screen, lines);
}

export function failureScreen(screen: Screen, record: RunRecord, step: StepRecord, runbook: Runbook): string {
  const lines = ["", ...flow(screen, `FAILED  ${step.path}  ${inertLine(step.title)}`, "error")];
  for (const check of step.checks.filter((item) => item.status !== "met")) {
    lines.push(...flow(screen, `  expected  ${inertLine(check.expected ?? check.that)}`));
    lines.push(...flow(screen, `  actual    ${inertLine(check.actual ?? check.status)}`));
    if (check.message) lines.push(...flow(screen, `            ${inertLine(check.message)}`));
  }
  if (step.failure !== null && step.checks.every((item) => item.status === "met")) {
    lines.push(...flow(screen, `  why       ${inertLine(step.failure.message)}`));
  }
  const changed = changedSteps(record);
  lines.push("", "  What has changed so far", ...(changed.length === 0 ? ["    nothing"] : []));
  for (const item of changed) lines.push(...flow(screen, `  ${item.path}  ${item.effects}  ${inertLine(item.title)}`));
  const back = wayBack(changed, runbook);
  if (changed.length > 0) {
    lines.push("", "  What rolling back would do");
    if (back.length === 0) lines.push("    nothing: no way back is written down");
    for (const text of back) lines.push(...flow(screen, `  ${inertLine(text)}`));
  }
  return ended(screen, [...lines, ""]);
}

/** What a resume finds and what it would do. */
export function resumeScreen(
  screen: Screen,
  record: RunRecord,
  remaining: readonly StepRecord[],
  nowMs: number,
): string {
  const ago = formatDuration(Math.max(0, nowMs - Date.parse(record.lastAt)));
  const how = record.finished === null ? "its executor is gone" : record.result;
  const { symbols } = screen.terminal;
  const lines = [
    "",
    ...flow(
      screen,
      `${record.run}  ${record.started.runbook} ${record.started.version} on ${record.started.target}, last heard ${ago} ago (${how})`,
    ),
    "",
  ];
  const done = [...record.steps.values()].filter(
    (step) => !/[.[]/.test(step.path) && ["succeeded", "skipped"].includes(step.status),
  );
  if (done.length > 0)
    lines.push(...flow(screen, `${symbols.ok} ${done.map((step) => step.path).join(", ")}: done, will not run again`));
  for (const step of remaining.filter((item) => item.status !== "pending" && item.stepType !== "group")) {
    lines.push(
      ...flow(
        screen,
        `${symbols.unknown} ${step.path}: ${step.status === "running" ? "was running when it stopped" : step.status}`,
      ),
    );
  }
  const rest = remaining.filter((step) => step.status === "pending");
  if (rest.length > 0)
    lines.push(...flow(screen, `${symbols.pending} ${rest.map((step) => step.path).join(", ")}: will run`));
  return ended(screen, [
    ...lines,
    "",
    ...flow(screen, "It goes on with the sealed copy it began with, whatever changed in the project since."),
    "",
  ]);
}

/** The steps still to run, one a line. */
export function remainingScreen(screen: Screen, remaining: readonly StepRecord[]): string {
  return ended(screen, [
    "",
    ...remaining.flatMap((step) => flow(screen, `${step.path}  ${step.effects}  ${inertLine(step.title)}`)),
    "",
  ]);
}

export function choiceLine(screen: Screen, choices: readonly Choice[]): string {
  const dot = screen.terminal.symbols === unicodeSymbols ? "·" : "-";
  const lines: string[] = [];
  let line = "";
  for (const [word, does] of choices) {
    const text = `${word}  ${does}`;
    const joined = line === "" ? text : `${line}  ${dot}  ${text}`;
    if (line !== "" && joined.length > screen.columns - 5) {
      lines.push(line);
      line = text;
    } else line = joined;
  }
  lines.push(line);
  return ended(
    screen,
    lines.flatMap((text) => flow(screen, text)),
  );
}

export function say(screen: Screen, text: string): string {
  return ended(screen, flow(screen, text));
}

/** The step that ended the run; a failed member rather than its group. */
export function failedStep(record: RunRecord): StepRecord | null {
  const failed = [...record.steps.values()].filter(
    (step) =>
      ["failed", "timed_out"].includes(step.status) && step.phase === "steps" && !isTolerated(record, step.path),
  );
  return failed.find((step) => step.failure?.reason !== "member") ?? failed[0] ?? null;
}

/** Steps whose change stands. */
export function changedSteps(record: RunRecord): StepRecord[] {
  return [...record.steps.values()].filter(
    (step) => step.tookEffect && step.phase === "steps" && step.status !== "undone",
  );
}

function wayBack(changed: readonly StepRecord[], runbook: Runbook): string[] {
  const steps = stepsByPath(runbook);
  return changed.toReversed().flatMap((step) => {
    const written = steps.get(withoutItems(step.path))?.rollback ?? [];
    return written.map((undo) => `${step.path}: ${undo.id}  ${undo.title.includes("${{") ? "" : undo.title}`.trimEnd());
  });
}

/** Text of several lines with its own indents, wrapped so that a continued line stands deeper. */
function shownLines(screen: Screen, text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    const clean = inertLine(line.slice(indent));
    const [first = "", ...rest] = wrapWords(clean, screen.columns - 3 - indent - 2);
    return [`  ${" ".repeat(indent)}${first}`, ...rest.map((more) => `  ${" ".repeat(indent + 2)}${more}`)].map(
      (item) => item.trimEnd(),
    );
  });
}

function flow(screen: Screen, text: string, role: "warning" | "error" | "strong" | null = null): string[] {
  const indent = /^ */.exec(text)?.[0].length ?? 0;
  return wrapWords(text.slice(indent), screen.columns - 5 - indent).map((line, at) => {
    const shown = role !== null && screen.terminal.colorErr ? paint(line, role) : line;
    return `  ${" ".repeat(indent)}${at === 0 ? "" : "  "}${shown}`;
  });
}

function ended(screen: Screen, lines: readonly string[]): string {
  const text = `${lines.join("\n")}\n`;
  return legible(screen.terminal.symbols, text);
}
