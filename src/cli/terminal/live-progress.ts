/**
 * Live progress in a terminal: one listr2 list per top-level step. Finished steps are printed once and stay in the
 * scrollback; only the block below them is drawn again. The lists are a view of the journal's events: nothing runs in
 * them, and this is the only module that loads listr2.
 */
import {
  Listr,
  ListrEventType,
  type ListrRendererFactory,
  type ListrTaskObject,
  ListrTaskState,
  Spinner,
} from "listr2";
import type { JournalRecord } from "../../engine/events.ts";
import type { RunRecord, StepRecord } from "../../engine/run-record.ts";
import { systemClock } from "../../host/clock.ts";
import { keyLines, logLines } from "./live-answers.ts";
import {
  doneBeforeLines,
  footerLines,
  isForEach,
  type Mode,
  membersOf,
  noteLines,
  notRunLines,
  openingLines,
  pendingLines,
  rootOf,
  rootSteps,
  stepLines,
} from "./live-layout.ts";
import type { Look } from "./live-look.ts";
import { LiveScreen, type ScreenStream } from "./live-screen.ts";
import type { LogTail } from "./log-tail.ts";
import type { Progress } from "./plain-progress.ts";
import { type Role, type Symbols, type Terminal, unicodeSymbols } from "./terminal.ts";
import { onTypedLines } from "./typed-lines.ts";
import { countdownLines } from "./undo-notice.ts";

export interface LiveOptions {
  /** Whether Ctrl-C speaks to the run; default true. */
  readonly keys?: boolean;
  /** The run was already introduced in this terminal. */
  readonly goesOn?: boolean;
  readonly tail?: LogTail;
  /** What is shown when the way back is announced. */
  readonly announced?: (run: RunRecord) => readonly string[];
  /** Takes a typed line; true = it meant something, and is not looked at here. */
  readonly typed?: (run: RunRecord, word: string) => boolean;
  /** For tests. */
  readonly stream?: ScreenStream;
  readonly nowMs?: () => number;
  /** Calls back a few times a second; returns how to stop. */
  readonly timer?: (draw: () => void) => () => void;
}

type StepTask = ListrTaskObject<unknown, ListrRendererFactory, ListrRendererFactory>;

const asciiFrames = ["-", "\\", "|", "/"];
const unicodeFrames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMs = 100;

const states: Readonly<Record<StepRecord["status"], ListrTaskState>> = {
  pending: ListrTaskState.WAITING,
  running: ListrTaskState.STARTED,
  waiting: ListrTaskState.PAUSED,
  succeeded: ListrTaskState.COMPLETED,
  skipped: ListrTaskState.SKIPPED,
  undone: ListrTaskState.ROLLED_BACK,
  failed: ListrTaskState.FAILED,
  timed_out: ListrTaskState.FAILED,
  cancelled: ListrTaskState.FAILED,
  undo_failed: ListrTaskState.FAILED,
  indeterminate: ListrTaskState.FAILED,
};

export function liveProgress(terminal: Terminal, options: LiveOptions = {}): Progress {
  return new LiveView(terminal, options);
}

class LiveView implements Progress {
  private readonly terminal: Terminal;
  private readonly options: LiveOptions;
  private readonly screen: LiveScreen;
  private readonly stopTimer: () => void;
  private readonly nowMs: () => number;
  private readonly stopTyping: () => void;
  private readonly onResize = () => this.draw();
  private block: StepBlock | null = null;
  private run: RunRecord | null = null;

  constructor(terminal: Terminal, options: LiveOptions) {
    this.terminal = terminal;
    this.options = options;
    const fixedColumns = options.stream === undefined ? Number(process.env["COLUMNS"]) || null : null;
    this.screen = new LiveScreen(options.stream ?? process.stderr, fixedColumns);
    this.nowMs = options.nowMs ?? (() => systemClock().now().getTime());
    this.stopTimer = (options.timer ?? turning)(() => this.draw());
    this.stopTyping =
      options.stream === undefined ? onTypedLines((lines, words) => this.typed(lines, words)) : () => {};
    if (options.stream === undefined) process.stderr.on("resize", this.onResize);
  }

  record(entry: JournalRecord, run: RunRecord): void {
    if (this.run === null) this.open(entry, run);
    this.run = run;
    const note = noteOf(entry);
    if (note !== null) this.screen.print(noteLines(this.look(), ...note));
    if (entry.type === "rollback.announced") {
      this.settle();
      this.screen.print(this.options.announced?.(run) ?? []);
    }
    if ("step" in entry) this.step(entry, run);
    if (entry.type === "run.finished" || entry.type === "run.waiting") this.settle();
  }

  end(): void {
    this.stopTimer();
    this.stopTyping();
    process.stderr.off("resize", this.onResize);
    this.settle();
    if (this.run !== null) this.screen.print(notRunLines(this.run, this.look()));
    this.screen.close();
  }

  private open(entry: JournalRecord, run: RunRecord): void {
    const look = this.look();
    if (this.options.goesOn !== true) this.screen.print(openingLines(run, look));
    if (entry.seq > 1 && this.options.goesOn !== true) this.screen.print(doneBeforeLines(run, look));
  }

  private step(entry: JournalRecord & { step: string }, run: RunRecord): void {
    const path = entry.type === "step.undone" ? null : rootOf(entry.step);
    const root = path === null ? undefined : run.steps.get(path);
    if (path === null || root === undefined || !showsProgress(entry)) return;
    if (this.block !== null && this.block.path !== path) this.settle();
    this.block ??= new StepBlock(run, root, () => this.draw());
    this.block.update(run);
    if (root.status !== "running") this.settle();
  }

  /** Prints what the block has come to, for good. */
  private settle(): void {
    if (this.block === null || this.run === null) return;
    const lines = this.block.lines(this.run, this.look(), "final");
    this.block = null;
    this.screen.draw([]);
    this.screen.print(lines);
    this.draw();
  }

  private typed(lines: number, words: readonly string[]): void {
    this.screen.moved(lines);
    for (const word of words) this.answer(word);
    this.draw();
  }

  private answer(word: string): void {
    if (this.run === null || this.options.typed?.(this.run, word)) return;
    if (word === "l") this.screen.print(logLines(this.run, this.look()));
    if (word === "?") this.screen.print(keyLines(this.look()));
  }

  private draw(): void {
    const { run } = this;
    if (run === null || run.finished !== null || run.result === "waiting") {
      this.screen.draw([]);
      return;
    }
    // A step that another executor began has no record of its own in this one until it ends.
    const adopted = this.block === null ? rootSteps(run).find((step) => step.status === "running") : undefined;
    if (adopted !== undefined) this.block = new StepBlock(run, adopted, () => {});
    const look = this.look();
    const footer = [...countdownLines(run, look), ...footerLines(run, look)];
    const room = Math.max(1, look.rows - 1 - footer.length);
    const now = this.block?.lines(run, look, "live") ?? [];
    const kept = now.length <= room ? now : now.slice(0, room);
    this.screen.draw([...kept, ...pendingLines(run, look, room - kept.length), ...footer]);
  }

  private look(): Look {
    const { symbols, colorErr } = this.terminal;
    const frames = symbols === unicodeSymbols ? unicodeFrames : asciiFrames;
    const turn = Math.floor(this.nowMs() / frameMs) % frames.length;
    return {
      columns: Math.max(20, this.screen.columns),
      rows: this.screen.rows,
      symbols,
      color: colorErr,
      nowMs: this.nowMs(),
      spinner: frames[turn] ?? "",
      keys: this.options.keys ?? true,
      tail: this.options.tail ?? (() => []),
    };
  }
}

function turning(draw: () => void): () => void {
  const spinner = new Spinner();
  spinner.start(draw, frameMs);
  return () => spinner.stop();
}

/** One top-level step with its members as a listr2 list. Its tasks' states follow the journal. */
class StepBlock {
  readonly path: string;
  private readonly renderer: StepRenderer;
  private readonly tasks = new Map<string, StepTask>();

  constructor(run: RunRecord, root: StepRecord, onChange: () => void) {
    this.path = root.path;
    const list = new Listr<unknown, ListrRendererFactory, ListrRendererFactory>(taskOf(root), listOptions);
    this.renderer = new StepRenderer(list.tasks, {}, list.events);
    this.adopt(list.tasks, [root], run);
    list.events.on(ListrEventType.SHOULD_REFRESH_RENDER, onChange);
  }

  /** Tells the tasks what has become of their steps. */
  update(run: RunRecord): void {
    for (const [path, task] of this.tasks) {
      const step = run.steps.get(path);
      if (step === undefined) continue;
      const state = states[step.status];
      if (task.title !== step.title) task.title$ = step.title;
      if (task.state !== state) task.state$ = state;
    }
  }

  lines(run: RunRecord, look: Look, mode: Mode): string[] {
    return this.renderer.lines(run, look, mode);
  }

  private adopt(tasks: readonly StepTask[], steps: readonly StepRecord[], run: RunRecord): void {
    for (const [at, step] of steps.entries()) {
      const task = tasks[at];
      if (task === undefined) continue;
      this.tasks.set(step.path, task);
      this.renderer.steps.set(task.id, step.path);
      const members = isForEach(step) ? [] : membersOf(run, step.path);
      if (members.length === 0) continue;
      const list = new Listr<unknown, ListrRendererFactory, ListrRendererFactory>(
        members.map(taskOf),
        listOptions,
        task,
      );
      task.subtasks = list.tasks;
      this.adopt(list.tasks, members, run);
    }
  }
}

function taskOf(step: StepRecord): { title: string; task: () => void } {
  return { title: step.title, task: () => {} };
}

/** Draws the task tree of one block; what stands in a line comes from the run record. */
class StepRenderer {
  static readonly nonTTY = true;
  static readonly rendererOptions = {};
  static readonly rendererTaskOptions = {};
  /** Task id → step path. */
  readonly steps = new Map<string, string>();
  private readonly tasks: readonly StepTask[];

  constructor(tasks: readonly StepTask[], _options: object, _events?: unknown) {
    this.tasks = tasks;
  }

  render(): void {}
  end(): void {}

  lines(run: RunRecord, look: Look, mode: Mode): string[] {
    return this.walk(this.tasks, 0, run, look, mode);
  }

  private walk(tasks: readonly StepTask[], level: number, run: RunRecord, look: Look, mode: Mode): string[] {
    return tasks.flatMap((task) => {
      const step = run.steps.get(this.steps.get(task.id) ?? "");
      if (step === undefined) return [];
      const members =
        task.hasSubtasks() && !task.isSkipped() ? this.walk(task.subtasks, level + 1, run, look, mode) : [];
      return [...stepLines(run, step, level, look, mode), ...members];
    });
  }
}

const listOptions = { renderer: StepRenderer, registerSignalListeners: false, exitOnError: false } as const;

/** Events that say where a step is; the others change no line of it. */
function showsProgress(entry: JournalRecord): boolean {
  return (
    entry.type === "step.started" ||
    entry.type === "step.finished" ||
    entry.type === "step.skipped" ||
    entry.type === "step.retrying" ||
    entry.type === "step.polled" ||
    entry.type === "step.indeterminate" ||
    entry.type === "command.started" ||
    entry.type === "approval.requested" ||
    (entry.type === "decision.recorded" && entry.decision !== "retry")
  );
}

type Note = readonly [mark: keyof Symbols, role: Role | null, text: string];

/** What is said between the steps; null = nothing. */
function noteOf(entry: JournalRecord): Note | null {
  switch (entry.type) {
    case "window.warned":
      return ["warn", "warning", `${entry.step}: ${entry.why}`];
    case "recovery.truncated":
      return ["warn", "warning", `${entry.bytes} bytes of a torn record were cut off and kept as ${entry.keptAs}`];
    case "clock.anomaly":
      return ["warn", "warning", `the wall clock moved ${entry.wallMs} ms while ${entry.bootMs} ms passed`];
    case "override.recorded":
      return ["warn", "warning", `${entry.step} overridden by ${entry.by.name}: ${entry.reason}`];
    case "decision.recorded":
      return ["warn", "warning", `${entry.step}: ${entry.decision} by ${entry.by.name}: ${entry.reason}`];
    case "approval.decided":
      return entry.decision === "refused"
        ? [
            "warn",
            "warning",
            `${entry.step}: an answer of ${entry.by?.name ?? "nobody"} did not count: ${entry.reason ?? ""}`,
          ]
        : null;
    case "step.checked": {
      const answer = entry.applied === null ? "could not tell" : entry.applied ? "yes" : "no";
      return ["unknown", "quiet", `${entry.step}: already done? ${entry.that}: ${answer}`];
    }
    case "abort.requested":
      return ["warn", "warning", `abort asked for by ${entry.by.name}${entry.reason ? `: ${entry.reason}` : ""}`];
    case "rollback.answered":
      return entry.begin
        ? ["undone", "warning", `${entry.by.name} begins the way back`]
        : ["warn", "warning", `${entry.by.name} stopped the way back; nothing is undone`];
    case "rollback.started":
      return ["undone", "warning", `rolling back: ${entry.why}; undoing ${entry.steps.join(", ") || "nothing"}`];
    case "step.undone":
      return entry.ok
        ? ["undone", "good", `${entry.step} undone${entry.verified === true ? ", verified" : ", not verified"}`]
        : ["failed", "error", `${entry.step} NOT undone`];
    case "run.escalated":
      return ["warn", "error", `escalated: ${entry.reasons.map(({ message }) => message).join("; ")}`];
    case "notification.sent":
      return entry.ok
        ? null
        : ["warn", "warning", `notification (${entry.on}) by ${entry.stepType} failed: ${entry.detail}`];
    default:
      return null;
  }
}
