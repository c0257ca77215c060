/** How steps repeat, wait for one another and are undone; the ledger says what really ran. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

const concurrency = "test/${{ run.id }}";
const read = { effects: "read" } as const;
const always = [ledgerStep("cleanup", read)];
/** Counts its own lines in the ledger, this attempt included. */
const counting = (id: string) => `printf '%s\\n' '${id}' >> "$LEDGER"; grep -cx '${id}' "$LEDGER"`;

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

async function run(name: string, body: { steps: readonly object[] } & Record<string, unknown>) {
  rig.runbook(name, { concurrency, ...body });
  const ran = await rig.json(["run", name, "-t", "here"]);
  if (ran.code === 3) throw new Error(ran.stderr);
  expect(await rig.problems(ran.document.run)).toEqual([]);
  return ran;
}
const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);

describe("the way back", () => {
  const undoing = (id: string, undo: object) => ledgerStep(id, {}, { rollback: [undo] });

  test("goes newest first, only what took effect, and the cleanup runs once after it", async () => {
    const { code, document } = await run("undo", {
      onFailure: "rollback",
      always,
      steps: [
        undoing("a", ledgerStep("undo_a", {}, { verify: ["result.exitCode == 0"] })),
        ledgerStep("b"),
        { id: "both", title: "Both", steps: [undoing("c", ledgerStep("undo_c")), ledgerStep("d", read)] },
        { ...ledgerStep("e", { exit: 3 }), irreversible: "A line." },
        undoing("f", ledgerStep("undo_f")),
      ],
    });
    expect(code).toBe(6);
    expect(document.result).toBe("rolled_back");
    expect(rig.ledger()).toEqual(["a", "b", "c", "d", "e", "undo_c", "undo_a", "cleanup"]);
    expect(["a", "b", "both.c", "e", "f"].map((path) => step(document, path)?.status)).toEqual([
      "undone",
      "succeeded",
      "undone",
      "failed",
      "pending",
    ]);
    const report = rig.file(document.run, "report.md");
    expect(report).toContain("not verified"); // c
    expect(report).toContain("Only a line in a ledger."); // b stays
  });

  test("does not end at one that fails: the others are undone, and the state is unknown", async () => {
    const { code, document } = await run("undo-fails", {
      onFailure: "rollback",
      always,
      steps: [
        undoing("a", ledgerStep("undo_a")),
        undoing("b", ledgerStep("undo_b", { exit: 1 })),
        ledgerStep("c", { exit: 3 }),
      ],
    });
    expect(code).toBe(7);
    expect(document.result).toBe("rollback_failed");
    expect(rig.ledger()).toEqual(["a", "b", "c", "undo_b", "undo_a", "cleanup"]);
    expect([step(document, "a")?.status, step(document, "b")?.status]).toEqual(["undone", "undo_failed"]);
    expect(rig.file(document.run, "report.md").split("\n")[0]).toContain("STATE UNKNOWN");
  });

  test("is asked for after a stop: resume --rollback", async () => {
    const stopped = await run("undo-later", {
      always,
      steps: [undoing("a", ledgerStep("undo_a")), ledgerStep("b", { exit: 1 })],
    });
    expect(stopped.code).toBe(1);
    const { code, document } = await rig.json(["resume", stopped.document.run, "--rollback"]);
    expect(code).toBe(6);
    expect(document.result).toBe("rolled_back");
    expect(rig.ledger()).toEqual(["a", "b", "cleanup", "undo_a", "cleanup"]);
    expect(await rig.problems(stopped.document.run)).toEqual([]);
  });
});

test("continueOnFailure, of a step or a group: the run succeeds, and says so as a deviation", async () => {
  const group = { id: "group", title: "Group", continueOnFailure: true };
  const { code, document } = await run("tolerant", {
    steps: [
      ledgerStep("a", { ...read, exit: 1 }, { continueOnFailure: true }),
      { ...group, steps: [ledgerStep("b", { ...read, exit: 1 }), ledgerStep("never")] },
      ledgerStep("c"),
    ],
  });
  expect(code).toBe(0);
  expect(document.result).toBe("succeeded");
  expect(rig.ledger()).toEqual(["a", "b", "c"]);
  expect(step(document, "a")?.status).toBe("failed");
  expect(document.deviations).toMatchObject([
    { kind: "continued-on-failure", step: "a" },
    { kind: "continued-on-failure", step: "group" },
  ]);
});

test("retry counts attempts in all; until polls until it holds; a limit ends both", async () => {
  const { code, document } = await run("repeat", {
    steps: [
      {
        ...ledgerStep("flaky", {}, { idempotent: true, retry: { attempts: 3, delay: "1ms" } }),
        with: { script: `${counting("flaky")} | grep -qx 3` },
      },
      {
        ...ledgerStep("poll", read, { until: { that: "result.json >= 4", every: "1ms", timeout: "30s" } }),
        with: { script: counting("poll") },
      },
      { ...ledgerStep("hopeless", { ...read, exit: 1 }, { retry: { attempts: 2, delay: "1ms" } }) },
    ],
  });
  expect(code).toBe(1);
  expect(step(document, "flaky")).toMatchObject({ status: "succeeded", attempts: 3 });
  expect(step(document, "poll")?.status).toBe("succeeded");
  expect(step(document, "hopeless")).toMatchObject({ status: "failed", attempts: 2 });
  expect(rig.ledger()).toEqual([
    ..."flaky ".repeat(3).trim().split(" "),
    ..."poll ".repeat(4).trim().split(" "),
    "hopeless",
    "hopeless",
  ]);
});

test("a timeout ends the whole process group of the step", async () => {
  rig.gate("never");
  const { code, document } = await run("slow", {
    steps: [ledgerStep("slow", { gate: "never" }, { timeout: "300ms" }), ledgerStep("b")],
  });
  expect(code).toBe(1);
  expect(step(document, "slow")?.status).toBe("timed_out");
  expect(rig.ledger()).toEqual(["slow"]);
  expect(rig.processes()).toEqual([]);
});

test("parallel waits for all of its steps, then fails; nothing after it is started", async () => {
  const gate = rig.gate("slow");
  rig.runbook("side-by-side", {
    concurrency,
    steps: [
      { id: "both", title: "Both", parallel: [ledgerStep("bad", { exit: 1 }), ledgerStep("slow", { gate: "slow" })] },
      ledgerStep("after"),
    ],
  });
  const viewer = rig.start(["run", "side-by-side", "-t", "here", "--no-input", "-o", "json"]);
  await viewer.waitForLedger("slow");
  await viewer.waitForRecord("bad fails", (entry) => entry.type === "step.finished" && entry.step === "both.bad");
  gate.open();
  expect((await viewer.ended).code).toBe(1);
  expect(rig.ledger()).toContain("slow done");
  expect(rig.ledger()).not.toContain("after");
  expect(rig.record(await viewer.run()).steps.get("both.slow")?.status).toBe("succeeded");
});

test("forEach keeps at most max in flight, stops at maxFailures, and gives outputs in input order", async () => {
  const each = {
    ...ledgerStep("each", {}, { idempotent: true, outputs: { word: "result.lines[0]" }, env: { HOST: "${{ host }}" } }),
    with: { script: `printf '%s\\n' "$HOST" >> "$LEDGER"; echo "$HOST"; test "$HOST" != bad` },
  };
  const forEach = { in: '${{ ["one", "bad", "two", "three"] }}', as: "host", max: 2 };
  const good = await run("tolerates-one", {
    steps: [
      { ...each, forEach: { ...forEach, maxFailures: 1 } },
      {
        ...ledgerStep("sum", {}, { env: { WORDS: "${{ size(steps.each.outputs.word) }}" } }),
        with: { script: 'echo "words $WORDS" >> "$LEDGER"' },
      },
    ],
  });
  expect(good.code).toBe(0);
  expect(good.document.result).toBe("succeeded");
  expect(step(good.document, "each")?.outputs["word"]).toMatchObject(["one", expect.anything(), "two", "three"]);
  expect(rig.ledger().sort()).toEqual(["bad", "one", "three", "two", "words 4"]);
  rig.clearLedger();
  const bad = await run("tolerates-none", {
    steps: [{ ...each, forEach: { ...forEach, max: 1 } }, ledgerStep("after")],
  });
  expect(bad.code).toBe(1);
  expect(rig.ledger()).toEqual(["one", "bad"]);
});

test("another runbook appears nested: its guards, steps and undo apply", async () => {
  rig.runbook("part", {
    inputs: { word: { type: "string", required: true } },
    guards: [{ ...ledgerStep("sure", read), title: "Sure" }],
    steps: [
      {
        ...ledgerStep("say", {}, { rollback: [ledgerStep("unsay")], env: { WORD: "${{ inputs.word }}" } }),
        with: { script: 'echo "$WORD" >> "$LEDGER"' },
      },
    ],
  });
  const { code, document } = await run("whole", {
    onFailure: "rollback",
    steps: [
      {
        id: "part",
        title: "Part",
        uses: "runbook/part",
        with: { word: "hello", ledger: "${{ inputs.ledger }}", gates: "${{ inputs.gates }}" },
      },
      ledgerStep("bad", { exit: 1 }),
    ],
  });
  expect(code).toBe(6);
  expect(rig.ledger()).toEqual(["sure", "hello", "bad", "unsay"]);
  expect(step(document, "part.say")?.status).toBe("undone");
  expect(rig.record(document.run).started.files).toHaveProperty(["includes/part.yaml"]);
});
