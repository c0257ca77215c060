/** Two clocks that do not stand still while a machine sleeps: the wall clock, which people set, and the time since boot. */
import { describe, expect, test } from "vitest";
import type { JournalEvent } from "../../src/engine/events.ts";
import { applyRecord, newRunRecord } from "../../src/engine/fold.ts";
import type { EngineClock } from "../../src/engine/ports.ts";
import { elapsedMs, isExpired, watchClocks } from "../../src/engine/run-clock.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";
import { EngineRig } from "../rig/engine-rig.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";

const hourMs = 3_600_000;

class TestClock implements EngineClock {
  wallMs = Date.parse("2026-03-14T09:00:00.000Z");
  bootedMs = 5_000_000;
  now = () => new Date(this.wallMs);
  monotonicMs = () => this.bootedMs;
  bootMs = () => this.bootedMs;
  sleep = () => Promise.resolve();
  pass(ms: number): void {
    this.wallMs += ms;
    this.bootedMs += ms;
  }
}

class Run {
  readonly clock = new TestClock();
  readonly record: RunRecord;
  /** What the last executor noticed before its first record. */
  anomaly: JournalEvent | null = null;

  constructor() {
    const first = JSON.parse(new JournalBuilder().start([{ path: "a" }]).lines[0] ?? "");
    this.record = newRunRecord({ ...first, at: this.clock.now().toISOString() });
  }

  append(event: JournalEvent): number {
    const seq = this.record.lastSeq + 1;
    const envelope = { seq, at: this.clock.now().toISOString(), run: this.record.run, hash: "0".repeat(64) };
    applyRecord(this.record, { ...event, ...envelope });
    return seq;
  }

  executor(bootId = "boot-1"): ReturnType<typeof watchClocks> {
    const watch = watchClocks(this.clock, this.record, bootId);
    this.anomaly = this.look(watch);
    const facts = { pid: 1, startTime: 1, host: "host", node: "v20", tool: "0.1.0" };
    const resumed = this.record.executors.length > 0;
    this.append({
      type: "executor.started",
      ...facts,
      bootId,
      uptimeMs: this.clock.bootMs(),
      resumed,
    });
    return watch;
  }

  /** Looks once, and records what there is to record. */
  look(watch: ReturnType<typeof watchClocks>): JournalEvent | null {
    const event = watch();
    if (event !== null) this.append(event);
    return event;
  }

  get elapsed(): number {
    const { started } = this.record;
    return elapsedMs(this.record, started, { seq: Number.POSITIVE_INFINITY, at: this.clock.wallMs });
  }
}

test("clocks that go together tell nothing, also across a suspended machine and a second executor", () => {
  const run = new Run();
  const first = run.executor();
  run.clock.pass(7 * 24 * hourMs);
  expect(run.look(first)).toBeNull();
  run.clock.wallMs += 900; // slewed by NTP
  expect(run.look(run.executor())).toBeNull();
  expect(run.anomaly).toBeNull();
  expect(run.elapsed).toBe(7 * 24 * hourMs + 900);
  expect(run.record.deviations.map(({ kind }) => kind)).toEqual(["resumed"]);
});

describe.each([
  ["forward", hourMs, 60_000 + hourMs],
  ["back", -2 * hourMs, 60_000],
] as const)("the wall clock set %s", (_, jumpMs, longerMs) => {
  test("while an executor works is told once, at its place, and the longer value counts", () => {
    const run = new Run();
    const watch = run.executor();
    run.clock.pass(60_000);
    run.clock.wallMs += jumpMs;
    expect(run.look(watch)).toEqual({ type: "clock.anomaly", wallMs: 60_000 + jumpMs, bootMs: 60_000 });
    expect(run.look(watch)).toBeNull();
    expect(run.elapsed).toBe(longerMs);
    expect(run.record.deviations.map(({ kind }) => kind)).toEqual(["clock"]);
    // What came after the jump is timed as if there had been none.
    const from = { seq: run.record.lastSeq, at: run.clock.wallMs };
    run.clock.pass(5_000);
    expect(elapsedMs(run.record, from, { seq: from.seq + 1, at: run.clock.wallMs })).toBe(5_000);
  });

  test("between two executors of one boot is told by the second, and not again by a third", () => {
    const run = new Run();
    run.executor();
    run.clock.pass(60_000);
    run.clock.wallMs += jumpMs;
    run.executor();
    expect(run.anomaly).toMatchObject({ wallMs: 60_000 + jumpMs, bootMs: 60_000 });
    expect(run.elapsed).toBe(longerMs);
    run.clock.pass(1_000);
    run.executor();
    expect(run.anomaly).toBeNull();
  });
});

test("the latest verified step is the last one recorded, also when the clock was set back before it", async () => {
  const verified = (id: string) =>
    `{ id: ${id}, title: ${id}, run: ${id}, effects: read, verify: [result.exitCode == 0] }`;
  const rig = new EngineRig(
    `objectives: { rto: { target: 1h } }\nsteps: [${verified("a")}, ${verified("b")}, { id: c, title: c, run: c, effects: read }]`,
    {
      b: (_, clock) => {
        clock.setMs -= 2 * hourMs;
        return { kind: "done", result: { exitCode: 0 }, durationMs: 1 };
      },
    },
  );
  expect(await rig.drive()).toEqual({ kind: "finished", exitCode: 0 });
  const [a, b] = ["a", "b"].map((path) => Date.parse(rig.record.steps.get(path)?.finishedAt ?? ""));
  expect(b).toBeLessThan(a ?? 0);
  expect(rig.record.finished?.objectives).toMatchObject([{ name: "rto", measured: "start of the run to end of b" }]);
});

test("set back by as much as the machine slept is told as well, and clocks that go alike are hardly asked", () => {
  const run = new Run();
  let asked = 0;
  const { clock } = run;
  const monotonic = { ms: 0 };
  clock.monotonicMs = () => monotonic.ms;
  clock.bootMs = () => {
    asked++;
    return clock.bootedMs;
  };
  const pass = (ms: number): void => {
    clock.pass(ms);
    monotonic.ms += ms;
  };
  const watch = run.executor();
  asked = 0;
  for (let look = 0; look < 100; look++) {
    pass(1);
    expect(run.look(watch)).toBeNull();
  }
  expect(asked).toBe(1);
  clock.bootedMs += hourMs; // asleep, and somebody set the clock back to where it was
  pass(100);
  expect(run.look(watch)).toMatchObject({ type: "clock.anomaly", bootMs: hourMs + 200, wallMs: 200 });
});

test("across a restart of the machine the wall clock counts alone, and that is marked", () => {
  const run = new Run();
  run.executor("boot-1");
  run.clock.wallMs += hourMs;
  run.clock.bootedMs = 10;
  run.executor("boot-2");
  expect(run.anomaly).toBeNull();
  expect(run.elapsed).toBe(hourMs);
  expect(run.record.deviations).toContainEqual(
    expect.objectContaining({ kind: "clock", what: expect.stringContaining("the machine was restarted") }),
  );
});

test("a request is over by its date, and also when the clock was set back since", () => {
  const run = new Run();
  run.executor();
  const at = run.clock.now().toISOString();
  const request = { at, seq: run.record.lastSeq, expiresAt: new Date(run.clock.wallMs + hourMs).toISOString() };
  const over = (more = {}) =>
    isExpired(run.record, { ...request, ...more } as Parameters<typeof isExpired>[1], run.clock.now());
  run.clock.pass(hourMs - 1);
  expect([over(), over({ expiresAt: null })]).toEqual([false, false]);
  run.clock.pass(1);
  expect([over(), over({ expiresAt: null })]).toEqual([true, false]);
  run.clock.wallMs -= 5 * hourMs;
  // Nobody has looked at the clocks yet; who resumes does so first.
  expect(over()).toBe(false);
  run.executor();
  expect(over()).toBe(true);
});
