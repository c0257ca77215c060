/**
 * Drives the engine in one process: a journal in memory, a clock that only moves when something sleeps, and actions whose
 * outcomes the test scripts. The runbook text goes through the real loader.
 */
import type { EngineContext } from "../../src/engine/context.ts";
import { type DriveOutcome, type DriveRequest, drive } from "../../src/engine/engine.ts";
import type { EarlierRun } from "../../src/engine/escalation.ts";
import type { JournalEvent, JournalRecord } from "../../src/engine/events.ts";
import { factsOf } from "../../src/engine/facts.ts";
import { applyRecord, newRunRecord } from "../../src/engine/fold.ts";
import type {
  ActionOutcome,
  ActionRequest,
  EngineClock,
  InboxMessage,
  ReceivedMessage,
  RunStore,
} from "../../src/engine/ports.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";
import { emptyConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { planSteps, unknownFacts } from "../../src/plan/plan-steps.ts";
import { type Frame, newFrame } from "../../src/plan/scope.ts";
import { catalogue } from "../../src/steps/index.ts";
import { encodeLine, zeroHash } from "../../src/util/journal-line.ts";
import type { JsonObject } from "../../src/util/json.ts";

const person = {
  name: "operator@example",
  method: "login",
  login: "operator@example",
  keyId: null,
  groups: [],
} as const;
const going: DriveRequest = {
  resumed: false,
  by: person,
  decisions: [],
  overrides: [],
  rollback: false,
  abort: null,
  refusal: null,
};

/** How a scripted action ends: data = done with that result; a text = failed with that message; a function decides. */
type Deciding = (request: ActionRequest, clock: VirtualClock) => Promise<ActionOutcome> | ActionOutcome;
export type Scripted = Readonly<Record<string, unknown>> | string | Deciding;

export interface WholeRunbook {
  readonly name: string;
  readonly text: string;
  readonly inputs: JsonObject;
  readonly target: JsonObject;
}

/** Time that moves only when something sleeps: sleepers wake in order of their time, one at a time. */
export class VirtualClock implements EngineClock {
  private ms = 0;
  /** How far somebody has set the wall clock, against the time since boot. */
  setMs = 0;
  private sleepers: { at: number; wake: () => void }[] = [];

  now(): Date {
    return new Date(Date.parse("2026-03-14T03:12:07.000Z") + this.ms + this.setMs);
  }
  monotonicMs(): number {
    return this.ms;
  }
  bootMs(): number {
    return this.ms;
  }
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const sleeper = { at: this.ms + ms, wake: resolve };
      this.sleepers.push(sleeper);
      signal.addEventListener("abort", () => {
        this.sleepers = this.sleepers.filter((item) => item !== sleeper);
        resolve();
      });
    });
  }
  /** Lets everything that can go on go on, then wakes the next sleeper; false when nobody sleeps. */
  async advance(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    const next = this.sleepers.sort((a, b) => a.at - b.at).shift();
    if (next === undefined) return false;
    this.ms = Math.max(this.ms, next.at);
    next.wake();
    return true;
  }
}

function header(name: string): string {
  return `apiVersion: runbook/v1\nname: ${name}\nversion: 1.0.0\ntitle: Test\nowner: team\nkind: maintenance\ndescription: test\ntargets: [here]\n`;
}

export class EngineRig implements RunStore {
  readonly clock = new VirtualClock();
  readonly events: JournalRecord[] = [];
  /** `path` of every action in the order they were started; checks as `path?`. */
  readonly ran: string[] = [];
  /** What somebody leaves in the inbox as soon as an event of this type is in the journal. */
  readonly answers: Partial<Record<JournalEvent["type"], InboxMessage>> = {};
  private readInbox: () => void = () => {};
  record!: RunRecord;
  /** Runs of the same runbook before this one, newest first. */
  earlier: readonly EarlierRun[] = [];
  /** What others leave for the run, and nobody has removed. */
  readonly inbox: InboxMessage[] = [];
  /** What taking over the commands of an interrupted step takes. */
  takeOver: (path: string) => Promise<void> = async () => {};
  private hash = zeroHash;
  private readonly script: Record<string, Scripted | Scripted[]>;
  private readonly context: EngineContext;
  /** What a window says at the first write; undefined = there is none. */
  window: Awaited<ReturnType<EngineContext["actions"]["windowOpen"]>> = undefined;
  /** Whether the target is a protected one. */
  isProtected = false;

  /** `used`: the text of the runbook `part`, for `uses: runbook/part`; `whole`: a whole runbook in place of `steps`. */
  constructor(
    steps: string,
    script: Record<string, Scripted | Scripted[]> = {},
    used: string | null = null,
    whole: WholeRunbook | null = null,
  ) {
    this.script = script;
    const text = whole?.text ?? header("test") + steps;
    const { runbook, diagnostics } = loadRunbook({
      file: `${whole?.name ?? "test"}.yaml`,
      text,
      catalogue,
      readInclude: () => (used === null ? null : { path: "part.yaml", text: header("part") + used }),
    });
    if (runbook === null) throw new Error(diagnostics.map((item) => `${item.code}: ${item.message}`).join("\n"));
    const root: Frame = newFrame({
      runbook,
      prefix: "",
      inputs: whole?.inputs ?? {},
      target: { name: "here", protected: false, ...whole?.target },
      run: {
        id: "rb-aaaaaa",
        slug: "aaaaaa",
        actor: person.name,
        startedAt: this.clock.now(),
        reason: null,
        dry: false,
      },
      facts: factsOf(() => this.record),
    });
    const place = { frame: newFrame({ ...root, facts: unknownFacts }), items: [] };
    const planned = (["guards", "steps", "always"] as const).flatMap((phase) =>
      planSteps({ catalogue, maskedSecrets: {} }, runbook[phase], "", place, phase),
    );
    this.append({
      type: "run.started",
      format: "runbook.journal/1.0",
      tool: "0.1.0",
      runbook: "test",
      version: "1.0.0",
      title: "Test",
      kind: "maintenance",
      digest: "sha256:0",
      planDigest: "sha256:0",
      target: "here",
      protected: false,
      actor: person.login,
      reason: null,
      inputs: [],
      secrets: [],
      files: {},
      source: { file: "test.yaml", commit: null, dirty: null },
      environment: {},
      objectives: Object.entries(runbook.objectives).map(([name, { targetMs }]) => ({ name, targetMs })),
      budgetMs: runbook.budgetMs,
      steps: planned.map(({ path, id, title, phase, type, effects }) => ({
        path,
        id,
        title,
        phase,
        stepType: type,
        effects,
        note: null,
      })),
    });
    this.context = {
      store: this,
      clock: this.clock,
      actions: {
        run: (request: ActionRequest) => this.act(request),
        keepArtifacts: async () => [],
        keepFile: () => {
          throw new Error("no file");
        },
        adoptCommands: ({ path }: { readonly path: string }) => this.takeOver(path),
        windowOpen: async () => this.window,
      },
      catalogue,
      root,
      secrets: Object.fromEntries(runbook.secrets.map((name) => [name, "a-secret"])),
      maskedSecrets: Object.fromEntries(runbook.secrets.map((name) => [name, "***"])),
      policy: emptyConfig.policy,
      actor: person,
      protected: false,
      control: { stop: null, cancel: new AbortController(), isEnding: false, wake: null },
      preapproval: () => null,
      mask: (text: string) => text,
      failpoint: () => {},
      clockWatch: () => null,
      scan: async () => null,
      earlierRuns: () => this.earlier,
    } as unknown as EngineContext;
  }

  /** Drives to the end, moving the clock whenever everything waits for it. */
  async drive(request: Partial<DriveRequest> = {}): Promise<DriveOutcome> {
    this.context.control.stop = null;
    this.context.control.cancel = new AbortController();
    let over = false;
    const outcome = drive(
      { ...this.context, protected: this.isProtected },
      { ...going, ...request },
      { signer: () => null },
    ).finally(() => {
      over = true;
    });
    outcome.catch(() => {}); // told below, by whoever waits for it
    while (!over)
      if (!(await this.clock.advance())) await Promise.race([outcome, new Promise((resolve) => setImmediate(resolve))]);
    return await outcome;
  }

  status(path: string): string | undefined {
    return this.record.steps.get(path)?.status;
  }

  append(event: JournalEvent): void {
    const fields = { seq: this.events.length + 1, at: this.clock.now().toISOString(), run: "rb-aaaaaa", ...event };
    const { hash } = encodeLine(fields, this.hash);
    this.hash = hash;
    const record = { ...fields, hash } as JournalRecord;
    this.events.push(record);
    if (this.record === undefined) this.record = newRunRecord(record);
    else applyRecord(this.record, record);
    const answer = this.answers[event.type];
    if (answer !== undefined) this.leave(answer);
  }
  /** Somebody leaves a message now. */
  leave(message: InboxMessage): void {
    this.inbox.push(message);
    queueMicrotask(() => this.readInbox());
  }
  flush(): void {}
  async takeMessages(): Promise<readonly ReceivedMessage[]> {
    return this.inbox.map((message) => ({
      message,
      remove: () => void this.inbox.splice(this.inbox.indexOf(message), 1),
    }));
  }
  onMessage(listener: () => void): () => void {
    this.readInbox = listener;
    return () => {};
  }
  async acquireLock(): Promise<{ kind: "acquired" }> {
    return { kind: "acquired" };
  }
  async releaseLock(): Promise<void> {}

  private async act(request: ActionRequest): Promise<ActionOutcome> {
    const isCheck = !request.recorded;
    const name = isCheck ? `${request.path}?` : request.path;
    this.ran.push(name);
    const scripted = this.script[name] ?? {};
    const next = Array.isArray(scripted) ? (scripted.length > 1 ? scripted.shift() : scripted[0]) : scripted;
    if (typeof next === "function") return await (next as Deciding)(request, this.clock);
    if (typeof next === "string") {
      return {
        kind: "failed",
        failure: { class: "failed", reason: "scripted", message: next, facts: {} },
        result: null,
        durationMs: 1,
      };
    }
    return {
      kind: "done",
      result: { exitCode: 0, stdout: "", stderr: "", json: null, ...next } as never,
      durationMs: 1,
    };
  }
}
