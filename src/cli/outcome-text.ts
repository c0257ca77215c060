/** The last thing a command prints about a run: result, why, what changed, what to type next. */
import { relative } from "node:path";
import { waitingSteps } from "../engine/decision.ts";
import { exitNameOf } from "../engine/exit-codes.ts";
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { inertLine } from "../report/inert.ts";
import { formatDuration } from "../util/duration.ts";
import { wrap } from "./plan-text.ts";
import { nextFor } from "./run-lookup.ts";
import { paint, type Terminal } from "./terminal.ts";
import { distDir } from "./version.ts";

export interface OutcomeOptions {
  readonly runDir: string;
  readonly interrupted: boolean;
  readonly exitCode: number;
  /** Why a resume was refused, when it was. */
  readonly refusal: string | null;
  readonly terminal: Terminal;
  readonly project: string;
}

export function outcomeText(record: RunRecord, options: OutcomeOptions): string {
  const lines = ["", ...failureLines(record, options), ...headline(record, options)];
  const { finished } = record;
  const dir = relative(process.cwd(), options.runDir) || options.runDir;
  if (finished !== null) {
    for (const objective of finished.objectives) {
      const actual = objective.actualMs === null ? "not measured" : formatDuration(objective.actualMs);
      lines.push(
        `  ${objective.name.padEnd(8)} ${actual} of ${formatDuration(objective.targetMs)}${objective.met === false ? "  MISSED" : ""}`,
      );
    }
    lines.push(`  report   ${dir}/report.md`);
  }
  for (const next of nextCommands(record, options)) lines.push(`  next     ${next}`);
  if (record.started.environment["sandbox"] === true) lines.push(...sandboxLines(options));
  return `${lines.join("\n")}\n`;
}

function headline(record: RunRecord, options: OutcomeOptions): string[] {
  const word =
    options.refusal !== null
      ? "REFUSED"
      : options.interrupted
        ? "INTERRUPTED"
        : record.result.toUpperCase().replace("_", " ");
  const why = options.refusal ?? record.finished?.summary ?? openText(record, options);
  const text = `${word}  ${record.run}  exit ${options.exitCode} (${exitNameOf(options.exitCode)}): ${inertLine(why)}`;
  const [first = "", ...rest] = wrap(text, options.terminal.width, 2, 4);
  const good = record.result === "succeeded";
  return [options.terminal.colorOut ? paint(first, good ? "good" : "error") : first, ...rest];
}

function openText(record: RunRecord, options: OutcomeOptions): string {
  if (record.result === "waiting")
    return `waits for a person at ${waitingSteps(record)
      .map((step) => step.path)
      .join(", ")}`;
  const step = [...record.steps.values()].find((item) => item.status === "running" && item.action !== "");
  const at = step === undefined ? "" : ` at ${step.path} (${step.action})`;
  return options.interrupted ? `nobody works on it any more; it stopped${at}` : `it goes on${at}`;
}

function failureLines(record: RunRecord, options: OutcomeOptions): string[] {
  const failed = [...record.steps.values()].filter(
    (step) =>
      (step.status === "failed" || step.status === "timed_out") && step.action && step.why !== "continueOnFailure",
  );
  if (record.result === "succeeded" || failed.length === 0) return [];
  const lines: string[] = [];
  for (const step of failed) lines.push(...stepFailure(step, options));
  const changed = [...record.steps.values()].filter((step) => step.tookEffect && step.phase === "steps");
  lines.push("  What has changed");
  if (changed.length === 0) lines.push("    nothing");
  for (const step of changed)
    lines.push(
      `    ${step.path.padEnd(12)} ${step.effects.padEnd(12)} ${step.status === "undone" ? `undone${step.undoVerified === true ? ", verified" : ", not verified"}` : step.status.replace("_", " ")}`,
    );
  return [...lines, ""];
}

function stepFailure(step: StepRecord, options: OutcomeOptions): string[] {
  const lines = [`  FAILED  ${step.path}  ${inertLine(step.title)}`];
  const indent = (text: string) => wrap(inertLine(text), options.terminal.width, 4, 14);
  for (const check of step.checks.filter((item) => item.status !== "met")) {
    lines.push(
      ...indent(`expected  ${check.expected ?? check.that}`),
      ...indent(`actual    ${check.actual ?? check.status}`),
    );
    if (check.message) lines.push(...indent(`          ${check.message}`));
  }
  if (step.checks.every((item) => item.status === "met") && step.failure)
    lines.push(...indent(`why       ${step.failure.message}`));
  const log = step.commands.at(-1)?.end?.output.stdout.file;
  lines.push(
    `    tried     ${step.attempts.length} time${step.attempts.length === 1 ? "" : "s"}${log ? ` · log: ${relative(process.cwd(), options.runDir)}/${log}` : ""}`,
  );
  return [...lines, ""];
}

/** At most two, ready to paste. */
function nextCommands(record: RunRecord, options: OutcomeOptions): string[] {
  const { run } = record;
  if (record.result === "waiting") {
    return waitingSteps(record)
      .slice(0, 2)
      .map((step) => nextFor(record)(step.path, step.approval?.request.kind ?? "indeterminate"));
  }
  if (options.interrupted) return [`runbook resume ${run}`];
  switch (record.result) {
    case "failed":
      return [`runbook resume ${run}`, `runbook resume ${run} --rollback`];
    case "refused":
    case "aborted":
    case "rolled_back":
    case "rollback_failed":
      return [`runbook report ${run}`];
    default:
      return [];
  }
}

function sandboxLines(options: OutcomeOptions): string[] {
  const own = distDir.startsWith(`${options.project}/`);
  return [`  sandbox  stays up; stop it: ${own ? "npm run -s sandbox -- stop" : `node ${distDir}/sandbox.cjs stop`}`];
}
