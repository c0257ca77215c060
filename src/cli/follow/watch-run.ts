/** Shows a run until it ends or waits, hands on the keys pressed, prints the result, and gives the exit code. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, exitNameOf, exitNameOfResult } from "../../engine/exit-codes.ts";
import { isInterrupted, type RunRecord } from "../../engine/run-record.ts";
import { executorAlive, lastExecutor } from "../../host/claim.ts";
import { leaveMessage } from "../../host/inbox.ts";
import { journalName } from "../../host/journal-file.ts";
import { readSealedConfig } from "../../host/sealed-run.ts";
import { runDirectory } from "../../host/state-dir.ts";
import { runDocument } from "../../report/run-json.ts";
import { parseDurationMs } from "../../util/duration.ts";
import type { Arguments } from "../arguments.ts";
import { type Command, versionLine } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { owesEvidence } from "../execute/evidence-owed.ts";
import { unpublished } from "../execute/publications.ts";
import type { Executor } from "../start/launch.ts";
import { outcomeText } from "../terminal/outcome-text.ts";
import { type Progress, plainProgress } from "../terminal/plain-progress.ts";
import { isTerminal, standardError, writeOut } from "../terminal/standard-output.ts";
import { legible } from "../terminal/terminal.ts";
import { onTypedLines } from "../terminal/typed-lines.ts";
import { answerNotice, noticeKeys } from "../terminal/undo-notice.ts";
import { follow, type SeenRun } from "./follow.ts";
import { wantsReports } from "./report-requests.ts";
import { nextFor } from "./run-lookup.ts";

export interface WatchOptions {
  readonly run: string;
  /** The executor this command started; without one it only follows. */
  readonly executor: Executor | null;
  /** What is known already is not shown: it was shown by an earlier command. */
  readonly from?: SeenRun;
  /** Whether Ctrl-C speaks to the run (`run`, `resume`, `attach`) or only ends this command (`wait`). */
  readonly keys: boolean;
  /** A person answered in this terminal and the run goes on: it is not introduced again. */
  readonly goesOn?: boolean;
  /** What was done before has been shown already. */
  readonly introduced?: boolean;
}

export async function watchRun(command: Command, options: WatchOptions): Promise<number> {
  const runDir = runDirectory(command.project.stateDir, options.run);
  const { executor } = options;
  let code: number | null = null;
  let executorEnded = executor === null;
  const ended = executor?.ended.then((value) => {
    code = value;
    executorEnded = true;
  });
  const progress = await chooseProgress(command, options, runDir);
  const stream = command.output === "ndjson";
  if (stream && !options.goesOn) writeOut(`${versionLine("runbook.events/1.0")}\n`);
  const leave = new AbortController();
  const reader = () => (executorEnded ? lastExecutor(runDir)?.pid : executor?.child.pid);
  const keys = options.keys ? catchKeys(command, runDir, options.run, { leave, reader }) : null;
  const asks = options.keys && command.terminal.interactive && command.terminal.progress !== "quiet";
  // Where somebody can be asked, the question itself is the waiting.
  const patience = patienceOf(command, asks);
  let followed: SeenRun | null;
  try {
    followed = await follow({
      runDir,
      ...(options.from ? { from: options.from } : {}),
      // An executor that was refused leaves the run to whoever has it.
      alive: () => !executorEnded || (code !== exitCodes.refused && executorAlive(runDir)) || patience.left(runDir),
      onRecord: (record, run, line) => {
        if (stream) writeOut(`${line.toString()}\n`);
        patience.see(run);
        progress.record(record, run);
      },
      signal: leave.signal,
      ...(ended ? { wake: ended } : {}),
    });
  } finally {
    progress.end();
    keys?.release();
  }
  if (leave.signal.aborted) {
    // Neither its end nor its pipe keeps this process from leaving.
    executor?.disconnect();
    executor?.child.unref();
    command.say(`left ${options.run}; it goes on. next: runbook attach ${options.run}`);
    return exitCodes.sigint;
  }
  await ended;
  if (followed === null) throw notStarted(runDir, code);
  if (!existsSync(join(runDir, journalName))) {
    const why = `${runDir} lost its journal while it was followed: ${options.run} cannot go on and proves nothing`;
    throw new CommandError("io", why, "runbook list");
  }
  if (asks && (code === null || code === exitCodes.waiting || code === exitCodes.failed)) {
    const { answerInTerminal } = await import("../terminal/prompts.ts");
    const answered = await answerInTerminal(command, options.run, followed.record);
    if (answered !== null) return await watchRun(command, { ...options, ...answered, from: followed, goesOn: true });
  }
  // One that only looks on has no executor of its own; what it asked for is how it ends.
  const asked = isStopped(followed.record) ? (keys?.pressedCode() ?? null) : null;
  return await conclude(command, runDir, followed.record, executor === null ? asked : code);
}

/** Its last executor left at a checkpoint, and the run is neither over nor waiting. */
function isStopped(record: RunRecord): boolean {
  return isInterrupted(record, false) && record.executors.at(-1)?.stoppedAt != null;
}

/** Plain progress of somebody who can type: the announced way back is answered by a line. */
function answeringProgress(write: (line: string) => void, runDir: string): Progress {
  const plain = plainProgress(write);
  let latest: RunRecord | null = null;
  const stop = onTypedLines((_, words) => {
    for (const word of words) answerNotice(runDir, latest, word);
  });
  return {
    record: (entry, run) => {
      latest = run;
      plain.record(entry, run);
      if (entry.type === "rollback.announced") write(noticeKeys);
    },
    end: () => {
      stop();
      plain.end();
    },
  };
}

/** Lines that one look at the journal gave are one write: each wakes whoever reads. */
function linesAtOnce(write: (text: string) => void): (line: string) => void {
  let lines = "";
  return (line) => {
    if (lines === "")
      queueMicrotask(() => {
        const text = lines;
        lines = "";
        write(text);
      });
    lines += `${line}\n`;
  };
}

/** The live view is loaded only where somebody looks at it. */
async function chooseProgress(command: Command, options: WatchOptions, runDir: string): Promise<Progress> {
  if (command.terminal.progress === "quiet") return { record: () => {}, end: () => {} };
  // Records on the same screen would be drawn over.
  const records = command.output === "ndjson" && isTerminal(1);
  const answers = options.keys && command.terminal.interactive;
  if (command.terminal.progress === "tty" && !records) {
    const { failedStep, failureScreen, screenOf } = await import("../terminal/prompt-screens.ts");
    const { loadSealed } = await import("../execute/sealed-runbook.ts");
    const { liveProgress } = await import("../terminal/live-progress.ts");
    const { logTail } = await import("../terminal/log-tail.ts");
    return liveProgress(command.terminal, {
      keys: options.keys,
      goesOn: options.goesOn === true || options.introduced === true,
      tail: logTail(runDir),
      announced: (run) => {
        const step = failedStep(run);
        if (step === null) return [];
        return failureScreen(screenOf(command), run, step, loadSealed(runDir).runbook).trimEnd().split("\n");
      },
      typed: (run, word) => answers && answerNotice(runDir, run, word),
    });
  }
  const write = linesAtOnce((text) => standardError().write(legible(command.terminal.symbols, text)));
  return answers ? answeringProgress(write, runDir) : plainProgress(write);
}

/** Throws `UsageError`: call it before anything is started. */
export function waitForPersonMs(args: Arguments): number {
  const text = args.text("wait-for-person");
  const ms = text === undefined ? 0 : parseDurationMs(text);
  if (ms === null)
    throw new UsageError(
      `--wait-for-person ${text}: write it as 30s, 10m or 4h`,
      args.again({ without: ["wait-for-person"], add: ["--wait-for-person", "10m"] }),
    );
  return ms;
}

/** `--wait-for-person`: stays attached to a waiting run this long. */
function patienceOf(command: Command, asks: boolean): { see(run: RunRecord): void; left(runDir: string): boolean } {
  const ms = asks ? 0 : waitForPersonMs(command.args);
  let waiting = false;
  let until = 0;
  return {
    see(run) {
      if (run.result === "waiting" && !waiting) until = Date.now() + ms;
      waiting = run.result === "waiting";
    },
    left: () => waiting && Date.now() < until,
  };
}

/** First press: stop after the step. Second: end the step. Third: leave; the run finishes what it was told. */
function catchKeys(
  command: Command,
  runDir: string,
  run: string,
  { leave, reader }: { readonly leave: AbortController; readonly reader: () => number | undefined },
): { release(): void; pressedCode(): number | null } {
  let presses = 0;
  let code: number | null = null;
  const press = (signal: "SIGINT" | "SIGTERM") => {
    presses++;
    code = exitCodes[signal === "SIGINT" ? "sigint" : "sigterm"];
    leaveMessage(runDir, { kind: "signal", signal, press: presses }, reader());
    if (presses > 2) {
      leave.abort();
      return;
    }
    command.say(
      presses === 1
        ? `stopping ${run} after the current step; again: end the step now`
        : `ending the current step; again: leave, the run goes on stopping`,
    );
  };
  const onInterrupt = () => press("SIGINT");
  const onTerminate = () => press("SIGTERM");
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return {
    pressedCode: () => code,
    release: () => {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
    },
  };
}

/** The executor ended before its first record: its log says why. */
function notStarted(runDir: string, code: number | null): CommandError {
  const exitName = code === null ? "internal" : exitNameOf(code);
  return new CommandError(
    exitName,
    `${lastFatal(runDir) ?? "the executor ended before its first record"}; its log: ${join(runDir, "executor.log")}`,
  );
}

/** The last fatal line of the executor's log. */
export function lastFatal(runDir: string): string | null {
  try {
    const lines = readFileSync(join(runDir, "executor.log"), "utf8").trimEnd().split("\n");
    for (const line of lines.reverse()) {
      if (!line.startsWith('{"level":60')) continue;
      return String(JSON.parse(line).msg);
    }
    return lines[0] || null;
  } catch {
    return null;
  }
}

/** Prints what became of the run and gives the code of this command. */
async function conclude(
  command: Command,
  runDir: string,
  record: RunRecord,
  executorCode: number | null,
): Promise<number> {
  const alive = executorAlive(runDir);
  const interrupted = isInterrupted(record, alive);
  const code = codeOf(record, executorCode);
  const failOn = failOnHit(command, record);
  const exitCode = code === exitCodes.ok && failOn !== null ? exitCodes.failed : code;
  const isRefused = executorCode === exitCodes.refused && record.finished?.exitCode !== exitCodes.refused;
  const refusal = isRefused ? lastFatal(runDir) : null;
  const isOwed = !alive && owesEvidence(runDir, record);
  const extras = {
    exitCode,
    exitName: exitNameOf(exitCode),
    dir: runDir,
    report: record.finished === null || isOwed ? null : join(runDir, "report.md"),
    executorAlive: alive,
    interrupted,
    nextFor: nextFor(record),
  };
  if (record.finished !== null && !isRefused) {
    if (wantsReports(command)) {
      const { writeReports } = await import("./run-reports.ts");
      await writeReports(command, runDir, record, extras);
    }
    if (!isOwed) sayUnpublished(command, runDir, record);
  }
  if (command.output === "json") {
    command.json({ ...runDocument(record, extras), exitCode, exitName: exitNameOf(exitCode) });
  } else if (command.output === "text") {
    const { placesOfFailure } = await import("./step-places.ts");
    const placeOf = placesOfFailure(runDir, record);
    command.print(
      outcomeText(record, {
        runDir,
        interrupted,
        exitCode,
        refusal,
        terminal: command.terminal,
        project: command.project.dir,
        placeOf,
      }),
    );
  }
  if (interrupted && command.output !== "text") {
    command.say(`INTERRUPTED ${record.run}: nobody works on it any more. next: runbook resume ${record.run}`);
  }
  if (isOwed) {
    command.say(
      `the evidence of ${record.run} is not complete: ${executorCode === exitCodes.io ? "it could not be written" : "its executor was killed"}. next: runbook report ${record.run}`,
    );
  }
  if (refusal !== null && command.output !== "text") command.say(`${refusal}; next: runbook status ${record.run}`);
  if (executorCode === exitCodes.internal) {
    command.say(`internal error: ${lastFatal(runDir)}; its log: ${join(runDir, "executor.log")}`);
  }
  if (executorCode === exitCodes.io) command.say(lastFatal(runDir) ?? `see ${join(runDir, "executor.log")}`);
  if (failOn !== null) command.say(`--fail-on ${failOn}: exit 1 although the run succeeded`);
  return exitCode;
}

function sayUnpublished(command: Command, runDir: string, record: RunRecord): void {
  const { project } = readSealedConfig(runDir);
  const missing = unpublished(project, record);
  if (missing.length > 0) command.say(`${missing.join(", ")}: not written; why is in ${join(runDir, "executor.log")}`);
}

export function codeOf(record: RunRecord, executorCode: number | null): number {
  if (executorCode === exitCodes.refused) return exitCodes.refused;
  // A success without its evidence is no success yet.
  if (record.finished !== null)
    return record.finished.exitCode === exitCodes.ok && executorCode === exitCodes.io
      ? exitCodes.io
      : record.finished.exitCode;
  if (record.result === "waiting" && (executorCode === null || executorCode === exitCodes.waiting))
    return exitCodes.waiting;
  if (executorCode !== null && executorCode !== exitCodes.ok) return executorCode;
  return exitCodes[exitNameOfResult("interrupted")];
}

function failOnHit(command: Command, record: RunRecord): string | null {
  for (const what of command.args.texts("fail-on")) {
    const missed = record.finished?.objectives.some((objective) => objective.met !== true) ?? false;
    const over = record.finished?.budget?.met === false;
    const warned = [...record.steps.values()].some((step) => step.checks.some((check) => check.status !== "met"));
    if (
      (what === "objective" && missed) ||
      (what === "budget" && over) ||
      (what === "warning" && (warned || record.deviations.length > 0))
    )
      return what;
  }
  return null;
}
