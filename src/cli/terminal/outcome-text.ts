/** The last thing a command prints about a run: result, why, what changed, what to type next. */
import { dirname, relative } from "node:path";
import { waitingSteps } from "../../engine/decision.ts";
import { exitNameOf } from "../../engine/exit-codes.ts";
import type { RunRecord, StepRecord } from "../../engine/run-record.ts";
import { isTolerated } from "../../engine/tolerated.ts";
import type { PlaceOf } from "../../report/github.ts";
import { inertLine, noRunnerCommands } from "../../report/inert.ts";
import { formatDuration } from "../../util/duration.ts";
import { nextFor } from "../follow/run-lookup.ts";
import { sandboxCommand } from "../version.ts";
import { wrap } from "./plan-text.ts";
import { legible, paint, type Terminal } from "./terminal.ts";

export interface OutcomeOptions {
  readonly runDir: string;
  readonly interrupted: boolean;
  readonly exitCode: number;
  /** Why a resume was refused, when it was. */
  readonly refusal: string | null;
  readonly terminal: Terminal;
  readonly project: string;
  /** Where the steps stand in the runbook; without it that is not told. */
  readonly placeOf?: PlaceOf | null;
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
  // As `verify` shows it: just within 80 columns.
  lines.push(`  head  sha256:${record.headHash}`);
  for (const next of nextCommands(record, options)) lines.push(`  next     ${next}`);
  if (record.started.environment["sandbox"] === true) {
    const stop = sandboxCommand("stop", options.project, dirname(dirname(options.runDir)));
    lines.push(`  sandbox  stays up; stop it: ${stop}`);
  }
  const text = noRunnerCommands(`${lines.join("\n")}\n`);
  return legible(options.terminal.symbols, text);
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

/** Also one whose effect was undone since: why it was is the first thing to know. */
function hasFailed(step: StepRecord): boolean {
  if (step.status === "undone" || step.status === "undo_failed") return step.failure !== null;
  return step.status === "failed" || step.status === "timed_out";
}

function failureLines(record: RunRecord, options: OutcomeOptions): string[] {
  const failed = [...record.steps.values()].filter(
    (step) => hasFailed(step) && step.action && step.failure?.reason !== "member" && !isTolerated(record, step.path),
  );
  if (record.result === "succeeded" || failed.length === 0) return [];
  // What failed because of its members says nothing that they do not say.
  const within = (outer: string) =>
    failed.some(({ path }) => path.startsWith(`${outer}[`) || path.startsWith(`${outer}.`));
  const lines = failed.filter((step) => !within(step.path)).flatMap((step) => stepFailure(step, options));
  const changed = changes(record);
  lines.push("  What has changed");
  if (changed.length === 0) lines.push("    nothing");
  for (const step of changed) {
    const verified = step.undoVerified === true ? "verified" : "not verified";
    const status = step.status === "undone" ? `undone, ${verified}` : step.status.replace("_", " ");
    lines.push(...wrap(`${step.path.padEnd(12)} ${step.effects.padEnd(12)} ${status}`, options.terminal.width, 4, 6));
  }
  if (record.result === "rollback_failed") lines.push(...stateUnknown(record, options));
  return [...lines, ""];
}

function changes(record: RunRecord): StepRecord[] {
  return [...record.steps.values()].filter((step) => step.tookEffect && step.phase === "steps");
}

/** The commands of the way back that did not succeed. */
function openWayBack(record: RunRecord): StepRecord[] {
  return [...record.steps.values()].filter(
    (step) => step.phase === "rollback" && step.status !== "succeeded" && step.action,
  );
}

/** What the failed way back was about to do, ready to paste: the pager screen of exit 7. */
function stateUnknown(record: RunRecord, options: OutcomeOptions): string[] {
  const lines = ["", "  STATE UNKNOWN: look at these yourself"];
  for (const step of openWayBack(record)) {
    const seen = step.failure?.message ?? step.status.replace("_", " ");
    lines.push(...wrap(`${step.path}  ${inertLine(step.title)}`, options.terminal.width, 4, 6));
    lines.push(...wrap(`last seen  ${inertLine(seen)}`, options.terminal.width, 6, 8));
    // Not wrapped: a command is copied as a whole.
    lines.push(`      to do      ${inertLine(step.action ?? "")}`);
  }
  return lines;
}

/** A failed command's last lines, at most this many, when its failure does not say them already. */
const shownOutputLines = 20;

function stepFailure(step: StepRecord, options: OutcomeOptions): string[] {
  const { width } = options.terminal;
  const place = options.placeOf?.(step.path) ?? null;
  const lines = wrap(`FAILED  ${step.path}  ${inertLine(step.title)}`, width, 2, 4);
  const indent = (text: string) => wrap(inertLine(text), width, 4, width < 60 ? 6 : 14);
  // Not wrapped: editors open it as it stands.
  if (place !== null) lines.push(`    at        ${inertLine(place.file)}:${place.line}`);
  for (const check of step.checks.filter((item) => item.status !== "met")) {
    lines.push(
      ...indent(`expected  ${check.expected ?? check.that}`),
      ...indent(`actual    ${check.actual ?? check.status}`),
    );
    if (check.message) lines.push(...indent(`          ${check.message}`));
  }
  if (step.checks.every((item) => item.status === "met") && step.failure)
    lines.push(...indent(`why       ${step.failure.message}`));
  lines.push(...outputLines(step));
  lines.push(`    tried     ${step.attempts.length} time${step.attempts.length === 1 ? "" : "s"}`);
  const output = step.commands.at(-1)?.end?.output;
  for (const { file, bytes } of output === undefined ? [] : [output.stdout, output.stderr]) {
    // Not wrapped: a path is copied as a whole.
    if (file !== "" && bytes > 0) lines.push(`    log       ${relative(process.cwd(), options.runDir)}/${file}`);
  }
  return [...lines, ""];
}

function outputLines(step: StepRecord): string[] {
  const excerpt = step.commands.at(-1)?.end?.output.excerpt;
  if (excerpt === undefined) return [];
  const said = step.failure?.message ?? "";
  return [excerpt.stdout, excerpt.stderr].flatMap((text) => {
    const printed = text.replace(/\n+$/, "").split("\n");
    if (text.trim() === "" || (printed.length === 1 && said.includes(text.trim()))) return [];
    return printed.slice(-shownOutputLines).map((line) => `    │ ${inertLine(line)}`);
  });
}

/** At most two, ready to paste. */
function nextCommands(record: RunRecord, options: OutcomeOptions): string[] {
  const { run } = record;
  if (options.refusal !== null && !options.interrupted) return [`runbook status ${run}`];
  if (record.result === "waiting") {
    return waitingSteps(record)
      .slice(0, 2)
      .map((step) => nextFor(record)(step.path, step.approval?.request.kind ?? "indeterminate"));
  }
  if (options.interrupted) return [`runbook resume ${run}`];
  switch (record.result) {
    case "failed":
      return changes(record).length === 0
        ? [`runbook resume ${run}`]
        : [`runbook resume ${run}`, `runbook resume ${run} --rollback`];
    case "rollback_failed": {
      const open = openWayBack(record)[0];
      if (open === undefined) return [`runbook report ${run}`];
      return [`runbook resume ${run} --retry ${open.path}`, `runbook resume ${run} --accept ${open.path} --reason "…"`];
    }
    case "aborted":
      return [`runbook resume ${run}`, `runbook report ${run}`];
    case "refused":
    case "rolled_back":
      return [`runbook report ${run}`];
    default:
      return [];
  }
}
