/**
 * Questions to the person who watches a run in a terminal: approval, manual step, checkpoint, an interrupted step of
 * unknown outcome, a failure, a resume. An answer does what the verbs do (`approve`, `reject`, `resume`, `abort`) and
 * the run goes on in the same terminal. Enter alone, `-y`, a pipe or time never answer; leaving leaves the run waiting.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Answer, objectionTo, waitingSteps } from "../../engine/decision.ts";
import type { DriveRequest } from "../../engine/engine.ts";
import type { ApprovalRecord, RunRecord, StepRecord } from "../../engine/run-record.ts";
import { executorAlive } from "../../host/claim.ts";
import { systemClock } from "../../host/clock.ts";
import { leaveMessage } from "../../host/inbox.ts";
import { journalName } from "../../host/journal-file.ts";
import { runDirectory } from "../../host/state-dir.ts";
import type { Runbook } from "../../language/runbook.ts";
import { loadPrivateKey } from "../../report/keys.ts";
import type { Command } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { loadSealed } from "../execute/sealed-runbook.ts";
import { loadRun } from "../follow/run-lookup.ts";
import { catalogue } from "../project/catalogue.ts";
import { signAnswer, signerOf } from "../start/approval-signature.ts";
import { type Executor, startExecutor } from "../start/launch.ts";
import { stepAt } from "../start/overrides.ts";
import { onDisconnect, sensitiveInputs, starter } from "../start/starter.ts";
import { PromptInput } from "./prompt-input.ts";
import * as screens from "./prompt-screens.ts";
import { undoNoticeMs } from "./undo-notice.ts";

/** What an answer asks of the executor. */
export type Change = Partial<Pick<DriveRequest, "decisions" | "overrides" | "rollback" | "abort">>;

type Move =
  /** Start an executor, after leaving the answer when there is one. */
  | { readonly kind: "go"; readonly change: Change; readonly answer: Answer | null }
  /** Somebody else moved the run. */
  | { readonly kind: "watch" }
  | { readonly kind: "leave" };

const leave: Move = { kind: "leave" };
/** `fs.watch` may miss events; a slow look catches up. */
const pollMs = 500;

interface Session {
  readonly command: Command;
  readonly runDir: string;
  readonly record: RunRecord;
  readonly runbook: Runbook;
  readonly screen: screens.Screen;
  readonly input: PromptInput;
}

/** The executor to go on watching (null: one that somebody else started), or null when the person left it as it is. */
export async function answerInTerminal(
  command: Command,
  run: string,
  seen: RunRecord,
): Promise<{ readonly executor: Executor | null } | null> {
  if (!command.terminal.interactive || !asksSomething(seen)) return null;
  const runDir = runDirectory(command.project.stateDir, run);
  const move = await withSession(command, runDir, seen, ask);
  if (move.kind === "leave") return null;
  if (move.kind === "watch") return { executor: null };
  try {
    if (move.answer !== null) leaveMessage(runDir, move.answer);
    return { executor: executorAlive(runDir) ? null : start(command, seen, move.change) };
  } catch (error) {
    // The decision is kept; `resume` says again what is missing.
    const { message, next } = describeError(error);
    command.say(`${message}${next === null ? "" : `\nnext: ${next}`}`);
    return null;
  }
}

/** "Continue?" before a resume starts anything. Null = no. */
export async function askResume(command: Command, record: RunRecord): Promise<Change | null> {
  const runDir = runDirectory(command.project.stateDir, record.run);
  const move = await withSession(command, runDir, record, (session) => {
    const unknown = waitingSteps(record).find((step) => step.status === "indeterminate");
    return unknown === undefined ? resumeQuestion(session) : unknownQuestion(session, unknown);
  });
  return move.kind === "go" ? move.change : null;
}

/** On a protected target the name is typed before anything starts; `-y` does not stand for it. */
export async function confirmTarget(command: Command, runbook: string, target: string): Promise<boolean> {
  const screen = screens.screenOf(command);
  const input = await PromptInput.open(new AbortController().signal);
  try {
    process.stderr.write(`\n${screens.say(screen, `${target} is protected, and ${runbook} changes it.`)}`);
    return (await input.ask(`  Type ${target} to go on: `)) === target;
  } finally {
    input.close();
  }
}

function asksSomething(record: RunRecord): boolean {
  return record.result === "waiting"
    ? waitingSteps(record).length > 0
    : record.result === "failed" && screens.failedStep(record) !== null;
}

async function ask(session: Session): Promise<Move> {
  const { record } = session;
  const step = record.result === "waiting" ? waitingSteps(record)[0] : undefined;
  if (step === undefined) return await failureQuestion(session, screens.failedStep(record) as StepRecord);
  if (step.status === "indeterminate" || step.approval === null) return await unknownQuestion(session, step);
  return step.approval.request.kind === "manual"
    ? await manualQuestion(session, step, step.approval)
    : await approvalQuestion(session, step, step.approval);
}

async function withSession(
  command: Command,
  runDir: string,
  record: RunRecord,
  question: (session: Session) => Promise<Move>,
): Promise<Move> {
  const { runbook } = loadSealed(runDir);
  const moved = new AbortController();
  const unwatch = watchJournal(runDir, () => moved.abort());
  const input = await PromptInput.open(moved.signal);
  try {
    const move = await question({ command, runDir, record, runbook, screen: screens.screenOf(command), input });
    if (!moved.signal.aborted) return move;
    process.stderr.write(screens.say(screens.screenOf(command), "Somebody else answered; the run goes on."));
    return { kind: "watch" };
  } finally {
    unwatch();
    input.close();
  }
}

/** Asks until one of `words` begins the line; the rest of the line comes with it. Enter alone does nothing. */
async function choose(
  session: Session,
  choices: readonly screens.Choice[],
): Promise<{ word: string; rest: string } | null> {
  process.stderr.write(screens.choiceLine(session.screen, choices));
  for (;;) {
    const line = await session.input.ask("  > ");
    if (line === null) return null;
    if (line === "") continue;
    const [word = ""] = line.split(/\s+/, 1);
    if (choices.some(([known]) => known === word)) return { word, rest: line.slice(word.length).trim() };
    process.stderr.write(
      screens.say(session.screen, `"${word}" is none of ${choices.map(([known]) => known).join(", ")}.`),
    );
  }
}

/** A reason that must be given; null when the person left. */
async function reasonFor(session: Session, given: string, what: string): Promise<string | null> {
  if (given !== "") return given;
  for (;;) {
    const line = await session.input.ask(`  ${what}, kept in the report: `);
    if (line !== "") return line;
  }
}

async function approvalQuestion(session: Session, step: StepRecord, approval: ApprovalRecord): Promise<Move> {
  const { record, runbook, screen } = session;
  const mayOverride = stepAt(runbook, step.path)?.override === "reason";
  const trial = answerOf(step, approval, "approved", null, []);
  const objection = objectionOf(session, trial);
  const go = approval.request.kind === "checkpoint" ? "go" : "approve";
  const no = approval.request.kind === "checkpoint" ? "no-go" : "reject";
  process.stderr.write(screens.approvalScreen(screen, record, approval, objection));
  const choices: screens.Choice[] = [];
  if (objection === null) choices.push([go, "goes on"]);
  else if (record.started.protected) choices.push(["sign", "approves with a key FILE"]);
  choices.push([no, "stops the run"]);
  if (mayOverride) choices.push(["o", "override with a reason (recorded, reviewed later)"]);
  choices.push(["q", "leave it waiting"]);
  for (;;) {
    const choice = await choose(session, choices);
    if (choice === null || choice.word === "q") return leave;
    const { word, rest } = choice;
    if (word === "o") {
      const reason = await reasonFor(session, rest, "Why it goes on without an approval");
      if (reason === null) return leave;
      return { kind: "go", change: { overrides: [{ step: step.path, reason }] }, answer: null };
    }
    const answer =
      word === "sign"
        ? await signed(session, step, approval, rest)
        : answerOf(step, approval, word === go ? "approved" : "rejected", rest || null, []);
    const against = answer === null ? null : objectionOf(session, answer);
    if (answer !== null && against === null) return { kind: "go", change: {}, answer };
    if (against !== null) process.stderr.write(screens.say(screen, `It does not count: ${against.why}.`));
  }
}

async function signed(
  session: Session,
  step: StepRecord,
  approval: ApprovalRecord,
  given: string,
): Promise<Answer | null> {
  const file = given || (await session.input.ask("  Key file: "));
  if (!file) return null;
  const bare = answerOf(step, approval, "approved", null, []);
  try {
    const key = loadPrivateKey(resolve(session.command.cwd, file));
    return { ...bare, signature: signAnswer(session.record, bare, approval, key) };
  } catch (error) {
    process.stderr.write(screens.say(session.screen, describeError(error).message));
    return null;
  }
}

async function manualQuestion(session: Session, step: StepRecord, approval: ApprovalRecord): Promise<Move> {
  const { screen, command } = session;
  process.stderr.write(screens.manualScreen(screen, step, approval, systemClock().now().getTime()));
  const attachments: string[] = [];
  let note: string | null = null;
  for (;;) {
    const choice = await choose(session, [
      ["d", "done"],
      ["x", "it is not so: fails the step"],
      ["n", "note"],
      ["a", "attach a file"],
      ["q", "leave it waiting"],
    ]);
    if (choice === null || choice.word === "q") return leave;
    const { word, rest } = choice;
    if (word === "n") note = rest || (await session.input.ask("  Note: "));
    else if (word === "a") {
      const file = rest || (await session.input.ask("  File: "));
      const bytes = file ? sizeOf(resolve(command.cwd, file)) : null;
      if (file && bytes !== null) attachments.push(resolve(command.cwd, file));
      const told =
        bytes === null ? `there is no file "${file ?? ""}"` : `${basename(file ?? "")} attached, ${bytes} bytes`;
      process.stderr.write(screens.say(screen, told));
    } else {
      const decision = word === "d" ? "approved" : "rejected";
      const answer = answerOf(step, approval, decision, rest || note, attachments);
      const objection = objectionOf(session, answer);
      if (objection === null) return { kind: "go", change: {}, answer };
      const hint = approval.request.evidence === "file" ? "a FILE attaches one" : "d and your words hand it in";
      process.stderr.write(screens.say(screen, `It does not count: ${objection.why} (${hint}).`));
    }
  }
}

async function unknownQuestion(session: Session, step: StepRecord): Promise<Move> {
  process.stderr.write(screens.unknownScreen(session.screen, step));
  const choice = await choose(session, [
    ["accept", "it took effect; with a reason"],
    ["retry", "run it again"],
    ["abort", "end the run here"],
    ["q", "leave it waiting"],
  ]);
  if (choice === null || choice.word === "q") return leave;
  if (choice.word === "abort") return await abortMove(session, choice.rest);
  const reason =
    choice.word === "retry" ? choice.rest || "asked for" : await reasonFor(session, choice.rest, "How you know");
  if (reason === null) return leave;
  const decision = choice.word === "retry" ? "retry" : "accept";
  return { kind: "go", change: { decisions: [{ decision, step: step.path, reason }] }, answer: null };
}

async function abortMove(session: Session, given: string): Promise<Move> {
  const rollback = changedBefore(session.record)
    ? await choose(session, [
        ["rollback", "undo what has changed"],
        ["keep", "leave it as it is"],
      ])
    : { word: "keep", rest: "" };
  if (rollback === null) return leave;
  const abort = { reason: given || null, rollback: rollback.word === "rollback" };
  return { kind: "go", change: { abort, rollback: abort.rollback }, answer: null };
}

function changedBefore(record: RunRecord): boolean {
  return screens.changedSteps(record).length > 0;
}

async function failureQuestion(session: Session, step: StepRecord): Promise<Move> {
  process.stderr.write(screens.failureScreen(session.screen, session.record, step, session.runbook));
  // What a person was asked is asked again, never counted as done.
  const asked = catalogue().get(step.stepType)?.person != null;
  const choices: screens.Choice[] = [
    ["b", "roll back now"],
    ["r", `retry ${step.path}`],
  ];
  if (!asked) choices.push(["a", "accept it with a reason"]);
  choices.push(["q", "quit"]);
  const choice = await choose(session, choices);
  if (choice === null || choice.word === "q") return leave;
  if (choice.word === "b") return { kind: "go", change: { rollback: true }, answer: null };
  const reason =
    choice.word === "r" ? choice.rest || "asked for" : await reasonFor(session, choice.rest, "Why it counts as done");
  if (reason === null) return leave;
  const decision = choice.word === "r" ? "retry" : "accept";
  return { kind: "go", change: { decisions: [{ decision, step: step.path, reason }] }, answer: null };
}

async function resumeQuestion(session: Session): Promise<Move> {
  const { record, screen } = session;
  const remaining = [...record.steps.values()].filter(
    (step) =>
      !/[.[]/.test(step.path) && step.phase !== "rollback" && !["succeeded", "skipped", "undone"].includes(step.status),
  );
  process.stderr.write(screens.resumeScreen(screen, record, remaining, systemClock().now().getTime()));
  const from = remaining.find((step) => step.phase === "steps")?.path ?? "here";
  for (;;) {
    const choice = await choose(session, [
      ["y", `continue from ${from}`],
      ["d", "show what is left"],
      ["b", "roll back"],
      ["n", "no"],
    ]);
    if (choice === null || choice.word === "n") return leave;
    if (choice.word === "d") process.stderr.write(screens.remainingScreen(screen, remaining));
    else return { kind: "go", change: choice.word === "b" ? { rollback: true } : {}, answer: null };
  }
}

function answerOf(
  step: StepRecord,
  approval: ApprovalRecord,
  decision: Answer["decision"],
  reason: string | null,
  attachments: readonly string[],
): Answer {
  return {
    kind: "decision",
    step: step.path,
    decision,
    by: starter(),
    reason,
    shownDigest: approval.request.shownDigest,
    signature: null,
    attachments: attachments.map((file) => ({ name: basename(file), file })),
  };
}

function objectionOf(session: Session, answer: Answer): ReturnType<typeof objectionTo> {
  const { policy } = loadSealed(session.runDir).config;
  // Read afresh: the question may have been answered or have expired meanwhile.
  const { record } = loadRun(session.command.project.stateDir, session.record.run);
  return objectionTo(answer, { record, policy, now: systemClock().now(), signer: signerOf(policy, record) });
}

function start(command: Command, record: RunRecord, change: Change): Executor {
  return startExecutor({
    stateDir: command.project.stateDir,
    run: record.run,
    runbook: null,
    start: null,
    sensitive: sensitiveInputs(record, command.args),
    drive: {
      resumed: true,
      by: starter(),
      decisions: [],
      overrides: [],
      rollback: false,
      abort: null,
      refusal: null,
      undoNoticeMs: undoNoticeMs(command),
      ...change,
    },
    onDisconnect: onDisconnect(command),
  });
}

/** Calls back once the journal has grown: whoever wrote it has taken the run. */
function watchJournal(runDir: string, moved: () => void): () => void {
  const file = join(runDir, journalName);
  const before = sizeOf(file);
  const look = () => {
    if (sizeOf(file) !== before) moved();
  };
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(file, look);
    watcher.on("error", () => watcher?.close());
  } catch {
    // the timer is enough
  }
  const timer = setInterval(look, pollMs);
  return () => {
    watcher?.close();
    clearInterval(timer);
  };
}

/** Bytes of a file; null when there is none. */
function sizeOf(file: string): number | null {
  try {
    const found = statSync(file);
    return found.isFile() ? found.size : null;
  } catch {
    return null;
  }
}
