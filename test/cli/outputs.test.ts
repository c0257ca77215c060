/** Every machine-readable output of real commands against its published schema, undocumented fields included. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliRig, documentOf, type RunDocument } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { stories } from "../rig/run-stories.ts";
import { schemaErrors } from "../rig/schema-check.ts";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.runbook("fine", {
    objectives: { rto: { target: "5m" } },
    budget: "2m",
    steps: [
      ledgerStep("first", {}, { retry: 2, idempotent: true }),
      {
        id: "both",
        title: "Side by side",
        parallel: [
          { id: "a", title: "A", run: "echo a", effects: "read", outputs: { word: "result.stdout" } },
          { id: "b", title: "B", run: "echo b", effects: "read", verify: ['result.stdout == "b\\n"'] },
        ],
      },
      { id: "never", title: "Skipped", if: "inputs.ledger == ''", run: "echo never", effects: "read" },
    ],
  });
  rig.runbook("failing", {
    onFailure: "rollback",
    steps: [
      ledgerStep("change", {}, { rollback: [ledgerStep("undo", { effects: "write" }, { idempotent: true })] }),
      ledgerStep("breaks", { effects: "read", exit: 3 }),
    ],
  });
  rig.runbook("asking", {
    steps: [
      { id: "look", title: "Look", run: "echo look", effects: "read" },
      {
        id: "person",
        title: "A person agrees",
        uses: "approval",
        with: { prompt: "Go on with ${{ steps.look.status }}?", expires: "10m" },
      },
      ledgerStep("after"),
    ],
  });
});
afterAll(() => rig.end());

const check = (name: string, document: unknown) => expect([name, schemaErrors(name, document)]).toEqual([name, []]);

describe("a plan", () => {
  test("of one runbook, probed too, and saved", async () => {
    const plan = await rig.json<object>(["plan", "asking"]);
    expect(plan.code).toBe(0);
    check("plan", plan.document);
    check("plan", (await rig.json(["plan", "asking", "--probe"])).document);
    await rig.run(["plan", "failing", "--save", "saved.json"]);
    check("plan", JSON.parse(readFileSync(join(rig.project, "saved.json"), "utf8")));
  });

  test("of all", async () => {
    const { code, document } = await rig.json<{ plans: unknown[] }>(["plan", "--all"]);
    expect(code).toBe(0);
    check("plans", document);
    expect(document.plans).toHaveLength(3);
  });
});

describe("a run", () => {
  test("that succeeds; its status, evidence and history", async () => {
    const run = await rig.json(["run", "fine"]);
    expect(run.document.result).toBe("succeeded");
    check("run", run.document);
    check("run", (await rig.json(["status", run.document.run])).document);
    check("verification", (await rig.json(["verify", run.document.run])).document);
    check("verification", (await rig.json(["verify", run.document.run, "--check", "soc2-a1.3"])).document);
    check("annotated", (await rig.json(["annotate", run.document.run, "--finding", "none"])).document);
    check("verification", (await rig.json(["verify", run.document.run])).document);
    check("runs", (await rig.json(["status"])).document);
    check("runs", (await rig.json(["status", "--watch"])).document);
    check("show", (await rig.json(["show", "fine"])).document);
    const shown = await rig.json<{ steps: { path: string; status: string }[] }>(["show", run.document.run]);
    check("show", shown.document);
    expect(shown.document.steps.map(({ path, status }) => `${path} ${status}`)).toContain("both.a succeeded");
    const logs = await rig.json<{ logs: { step: string; stream: string; bytes: number }[] }>(["logs", "last", "both"]);
    check("logs", logs.document);
    expect(logs.document.logs.map(({ step, stream, bytes }) => [step, stream, bytes]).sort()).toEqual([
      ["both.a", "stdout", 2],
      ["both.b", "stdout", 2],
    ]);
    check("history", (await rig.json(["history"])).document);
    check("trend", (await rig.json(["trend", "fine", "-n", "1"])).document);
    check("list", (await rig.json(["list"])).document);
    const lines = (await rig.run(["list", "-o", "ndjson"])).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0]!)).toMatchObject({ type: "version", format: "runbook.list/1.0" });
    check("list", JSON.parse(lines[1]!));
  });

  test("that is undone", async () => {
    const run = await rig.json(["run", "failing"]);
    expect(run.code).toBe(6);
    check("run", run.document);
  });

  test("that waits for a person, as a stream, and after the answer", async () => {
    const ran = await rig.run(["run", "asking", "--no-input", "-o", "ndjson"]);
    expect(ran.code).toBe(5);
    const events = linesOf(ran.stdout);
    expect(events[0]).toMatchObject({ type: "version" });
    for (const event of events) check("event", event);
    const run = String(events[1]?.["run"]);
    const status = await rig.json(["status", run]);
    expect(status.document.waitingFor).toHaveLength(1);
    check("run", status.document);
    check("decision", (await rig.json(["approve", run])).document);
    const waited = await rig.json<RunDocument>(["wait", run]);
    expect(waited.document.result).toBe("succeeded");
    check("run", waited.document);
    for (const record of rig.journal(run)) check("event", record);
  });
});

test("records of every kind of run that tests tell of", () => {
  const seen = new Set<string>();
  for (const story of Object.values(stories)) {
    for (const line of story().lines) {
      const event = JSON.parse(line);
      seen.add(event.type);
      check("event", event);
    }
  }
  expect(seen.size).toBeGreaterThan(10);
});

test("every reading verb with -o json has a schema named as its document", async () => {
  const { verbs } = await import("../../src/cli/verbs/table.ts");
  const { schemaNames } = await import("../../src/cli/help/published-schemas.ts");
  const named: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      ["run", "resume", "attach", "wait", "abort", "status", "report"].map((verb) => [verb, "run"]),
    ),
    ...{ approve: "decision", reject: "decision", verify: "verification", validate: "diagnostics" },
    ...{ annotate: "annotated", new: "written", init: "written", docs: "written" },
  };
  const missing = verbs
    .filter((verb) => verb.outputs?.includes("json"))
    .filter((verb) => !schemaNames().includes(named[verb.name] ?? verb.name));
  expect(missing.map((verb) => verb.name)).toEqual([]);
  expect(verbs.filter((verb) => verb.group === "Look" && !verb.outputs?.includes("json"))).toEqual([]);
});

test("a schema refuses what it should: a missing, a wrong and an undocumented field", () => {
  const event = {
    type: "lock.acquired",
    key: "k",
    seq: 1,
    at: "2026-01-01T00:00:00.000Z",
    run: "rb-abc234",
    hash: "0".repeat(64),
  };
  expect(schemaErrors("event", event)).toEqual([]);
  expect(schemaErrors("event", { ...event, key: undefined })).not.toEqual([]);
  expect(schemaErrors("event", { ...event, at: "yesterday" })).not.toEqual([]);
  expect(schemaErrors("event", { ...event, type: "lock.taken" })).not.toEqual([]);
  expect(
    schemaErrors("error", {
      format: "runbook.error/1.0",
      exitCode: 2,
      exitName: "usage",
      message: "m",
      next: null,
      more: 1,
    }),
  ).not.toEqual([]);
});

describe("a failure without a run", () => {
  test.each([
    [["plan", "nothing"], 2],
    [["show", "nothing", "-o", "json"], 2],
    [["validate", "nothing.yaml"], 3],
    [["status", "rb-zzzzzz"], 2],
    [["keys", "list", "-C", "/"], null],
  ])("%j", async (args, code) => {
    const ran = await rig.run([...args, "-o", "json", "--no-input"]);
    if (code === null) return check("keys", documentOf(ran));
    expect(ran.code).toBe(code);
    check("error", documentOf(ran));
  });
});

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
