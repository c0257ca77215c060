/**
 * The executor dies at any record: while steps run, on the way back, during `always`, during an abort, and again while it
 * is resumed. Whatever record it was, the run ends as one that nobody disturbed, and nothing that ended runs again. The
 * oracle is what the actions did, outside the journal; the store forgets what was not flushed, as a disk would.
 */
import { describe, expect, test } from "vitest";
import type { DriveRequest } from "../../src/engine/engine.ts";
import type { JournalEvent, JournalRecord } from "../../src/engine/events.ts";
import { applyRecord, newRunRecord } from "../../src/engine/fold.ts";
import type { ActionRequest, InboxMessage } from "../../src/engine/ports.ts";
import { pick } from "../crash/matrix-case.ts";
import { EngineRig } from "../rig/engine-rig.ts";

class Killed extends Error {}

/** An engine whose executor is killed when it would write the record after the `left` next ones. */
class MortalRig extends EngineRig {
  left = Number.POSITIVE_INFINITY;
  /** Actions that took effect, in order. */
  readonly ledger: string[] = [];
  /** Left by somebody while the first command runs. */
  message: InboxMessage | null = null;
  private isDead = false;
  private listener: () => void = () => {};

  override onMessage(listener: () => void): () => void {
    this.listener = listener;
    return () => {};
  }

  override append(event: JournalEvent): void {
    if (this.isDead || this.left-- <= 0) {
      this.isDead = true;
      throw new Killed();
    }
    super.append(event);
  }

  override async takeMessages() {
    if (this.isDead) throw new Killed();
    return await super.takeMessages();
  }

  /** What a later executor finds. */
  revive(left: number): void {
    this.isDead = false;
    this.left = left;
    const [first, ...rest] = structuredClone(this.events);
    this.record = newRunRecord(first as JournalRecord);
    for (const entry of rest) applyRecord(this.record, entry);
  }

  /** A command that takes effect once its intent is on record. */
  command(request: ActionRequest, exitCode: number) {
    const { path: step, attempt, effects } = request;
    const isApplied = this.ledger.includes(step) && !this.ledger.includes(`${step}.rollback.back`);
    if (!request.recorded) return { kind: "done", result: { json: isApplied }, durationMs: 0 } as const;
    const open = request.adopt[0];
    if (open !== undefined && open.end === null) return { kind: "lost", why: "nobody knows" } as const;
    const command = String(this.events.length).padStart(7, "0");
    const what = { step, attempt, command };
    if (open === undefined) {
      this.append({ type: "command.started", ...what, argv: [step], cwd: "/", env: [], effects, timeoutMs: 1_000 });
      this.ledger.push(step);
      if (this.message !== null) this.inbox.push(this.message);
      this.message = null;
      this.listener();
      const stream = { file: "", bytes: 0, sha256: "", droppedBytes: 0 };
      this.append({
        type: "command.finished",
        ...what,
        exitCode,
        signal: null,
        cause: "exit",
        durationMs: 1,
        drained: true,
        survivors: [],
        outputGap: "none",
        adopted: false,
        output: { stdout: stream, stderr: stream, excerpt: { stdout: "", stderr: "" } },
      });
    }
    if (exitCode === 0) return { kind: "done", result: { exitCode }, durationMs: 1 } as const;
    const failure = { class: "failed", reason: "exit-code", message: `exit ${exitCode}`, facts: {} } as const;
    return { kind: "failed", failure, result: { exitCode }, durationMs: 1 } as const;
  }
}

interface Story {
  readonly steps: string;
  /** Paths whose command fails. */
  readonly broken: readonly string[];
  readonly result: string;
  readonly message?: InboxMessage;
}

const idempotent = "idempotent: true";
const verified = "verify: [result.exitCode == 0]";
const lasting = 'irreversible: "It stays."';
const write = (id: string, more = `${idempotent}, ${verified}, ${lasting}`) =>
  `\n  - { id: ${id}, title: ${id}, run: ${id}, effects: write, ${more} }`;
const undo = "rollback: [{ id: back, title: back, run: undo, effects: write, idempotent: true }]";
const check = 'check: { run: [look], that: "result.json == true" }';
const always = `\nalways:${write("clean1")}${write("clean2", `${check}, ${lasting}`)}`;
const person = { name: "someone", method: "login", login: "someone", keyId: null, groups: [] } as const;

const stories: Readonly<Record<string, Story>> = {
  "a run that succeeds": {
    steps: `steps:${write("a")}${write("b", `${check}, ${lasting}`)}${always}`,
    broken: [],
    result: "succeeded",
  },
  "a run that fails and stops": {
    steps: `steps:${write("a", `${check}, ${undo}`)}${write("b", `${idempotent}, ${verified}, ${undo}`)}${write("c")}${always}`,
    broken: ["b"],
    result: "failed",
  },
  "a run that fails and is undone": {
    steps: `onFailure: rollback\nsteps:${write("a", `${check}, ${undo}`)}${write("b", `${idempotent}, ${verified}, ${undo}`)}${write("c", `${idempotent}, ${verified}, ${undo}`)}${always}`,
    broken: ["c"],
    result: "rolled_back",
  },
  "a way back that fails": {
    steps: `onFailure: rollback\nsteps:${write("a", `${idempotent}, ${verified}, ${undo}`)}${write("b", `${idempotent}, ${verified}, ${undo}`)}${always}`,
    broken: ["b", "b.rollback.back"],
    result: "rollback_failed",
  },
  "a cleanup that fails": {
    steps: `steps:${write("a")}${always}`,
    broken: ["clean1"],
    result: "failed",
  },
  "an abort with the way back": {
    steps: `steps:${write("a", `${idempotent}, ${verified}, ${undo}`)}${write("b")}${always}`,
    broken: [],
    result: "rolled_back",
    message: { kind: "abort", by: person, reason: "enough", rollback: true, now: false },
  },
};

function rigOf({ steps, broken, message }: Story): MortalRig {
  const script = new Proxy<Record<string, never>>(
    {},
    { get: () => (request: ActionRequest) => rig.command(request, broken.includes(request.path) ? 1 : 0) },
  );
  const rig: MortalRig = new MortalRig(steps, script);
  rig.message = message ?? null;
  return rig;
}

/** Drives until the verdict, killed after each number of records; what nobody can know the ledger decides. */
async function live(story: Story, kills: readonly number[]): Promise<MortalRig> {
  const rig = rigOf(story);
  // The first record was made by who started the run.
  let request: Partial<DriveRequest> = {};
  for (let turn = 0; turn < 20; turn++) {
    rig.revive(kills[turn] ?? Number.POSITIVE_INFINITY);
    try {
      const outcome = await rig.drive(request);
      if (outcome.kind === "finished") return rig;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    // Killed after its verdict: what is left is its evidence.
    if (rig.record.finished !== null) return rig;
    const unknown = [...rig.record.steps.values()].filter(({ status }) => status === "indeterminate");
    request = {
      resumed: true,
      decisions: unknown.map(({ path }) => ({
        decision: rig.ledger.includes(path) ? "accept" : "retry",
        step: path,
        reason: "the ledger says so",
      })),
    };
  }
  throw new Error(`no verdict: ${rig.events.map(({ type }) => type).join(", ")}`);
}

const statuses = (rig: MortalRig) =>
  Object.fromEntries([...rig.record.steps.values()].map((step) => [step.path, step.status]));

function expectSame(rig: MortalRig, whole: MortalRig, story: Story): void {
  expect(rig.record.result).toBe(story.result);
  expect(statuses(rig)).toEqual(statuses(whole));
  expect([...new Set(rig.ledger)]).toEqual([...new Set(whole.ledger)]);
  // An end that is on record is the last of its step, whatever comes after it.
  const ended = new Map<string, number>();
  for (const entry of rig.events) {
    if (entry.type === "step.finished") ended.set(entry.step, entry.seq);
    if (entry.type === "command.started") expect(ended.has(entry.step), `${entry.step} ran again`).toBe(false);
  }
  expect(rig.events.filter(({ type }) => type === "run.finished")).toHaveLength(1);
  expect(rig.inbox).toEqual([]);
}

describe.each(Object.entries(stories))("%s, killed", (_, story) => {
  test("at every record, and three times", async () => {
    const whole = await live(story, []);
    expect(whole.record.result).toBe(story.result);
    const records = whole.events.length;
    for (let kill = 0; kill < records; kill++) expectSame(await live(story, [kill]), whole, story);
    const again = [
      [0, 2],
      [3, 1],
      [5, 4],
    ] as const;
    for (let first = 0; first < records; first += 3)
      expectSame(await live(story, [first, ...pick(again, first / 3)]), whole, story);
  });

  test("after every record until it is done", async () => {
    const whole = await live(story, []);
    let done = 0;
    // With too few records an executor only finds out where the run is, and no later one gets further.
    for (const each of [2, 3, 4, 5]) {
      const rig = await live(
        story,
        Array.from({ length: 19 }, () => each),
      ).catch(() => null);
      if (rig === null) continue;
      expectSame(rig, whole, story);
      done++;
    }
    expect(done).toBeGreaterThan(1);
  });
});
