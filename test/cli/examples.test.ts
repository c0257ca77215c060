/** The examples of `--help` that need a run: each is typed as it stands there, over runs that are really made. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { splitLine } from "../../src/cli/help/completion-scripts.ts";
import { verbNamed } from "../../src/cli/verbs/table.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

const examplesOf = (name: string) => verbNamed(name)?.examples ?? [];
/** Of the examples: a run that stands for any run. */
const anyRun = "rb-7f3k2m";

async function type(rig: CliRig, example: string, run: string) {
  const words = splitLine(example.split(" > ")[0] ?? example);
  return await rig.run([...words.map((word) => (word === anyRun ? run : word)), "--no-input"]);
}

describe("over a finished run on the sandbox", () => {
  let rig: CliRig;
  let run: string;
  beforeAll(async () => {
    rig = new CliRig({ fixture: "shop", shipped: ["rollback-production"] });
    const ran = await rig.run([...splitLine(examplesOf("run")[0] ?? ""), "--no-input"]);
    expect([ran.code, ran.stderr]).toEqual([0, ran.stderr]);
    run = rig.runs()[0] ?? "";
    cpSync(rig.runDir(run), join(rig.project, "evidence", anyRun), { recursive: true });
  });
  afterAll(() => rig.end());

  test.each(
    ["status", "attach", "wait", "logs", "report", "history", "verify", "annotate"].flatMap((name) => [
      ...examplesOf(name),
    ]),
  )("%s", async (example) => {
    const ran = await type(rig, example, run);
    // A standard asks for more than a rehearsal has.
    const code = example.includes("--check") ? 1 : 0;
    expect([ran.code, ran.stderr]).toEqual([code, ran.stderr]);
    expect(ran.stdout).not.toContain("\u001b");
  });

  test("every plan and dry run shown needs no run and makes none", async () => {
    const before = rig.runs();
    for (const example of [...examplesOf("plan"), examplesOf("run")[1] ?? ""]) {
      const ran = await type(rig, example, run);
      expect([example, ran.code]).toEqual([example, 0]);
    }
    expect(rig.runs()).toEqual(before);
  });
});

describe("over runs that need somebody", () => {
  let rig: CliRig;
  beforeAll(async () => {
    rig = new CliRig({ fixture: "ledger" });
    await rig.run(["keys", "new", "operators@example"]);
    rig.runbook("asking", {
      steps: [
        ledgerStep("before", {}, { rollback: [ledgerStep("undo", {}, { idempotent: true })] }),
        { id: "person", title: "A person agrees", uses: "approval", with: { prompt: "Go on?" } },
      ],
    });
    rig.runbook("failing", {
      steps: [
        ledgerStep("before", {}, { rollback: [ledgerStep("undo", {}, { idempotent: true })] }),
        ledgerStep("deploy", { exit: 1 }),
      ],
    });
  });
  afterAll(() => rig.end());

  const asks = [
    ...[...examplesOf("approve"), ...examplesOf("reject"), ...examplesOf("abort")].map((example) => ({
      example,
      runbook: "asking",
      code: [0, 1, 6],
    })),
    { example: examplesOf("resume")[0] ?? "", runbook: "asking", code: [5] },
    { example: examplesOf("resume")[1] ?? "", runbook: "failing", code: [0] },
    { example: examplesOf("resume")[2] ?? "", runbook: "failing", code: [6] },
  ];

  test.each(asks)("$example", async ({ example, runbook, code }) => {
    const started = await rig.json(["run", runbook]);
    expect(started.code).toBe(runbook === "asking" ? 5 : 1);
    const ran = await type(rig, example, started.document.run);
    expect([ran.code, ran.stderr]).toEqual([code.find((item) => item === ran.code), ran.stderr]);
    await rig.run(["wait", started.document.run]);
    // `last` of the next example is its own run.
    if (rig.record(started.document.run).finished === null) await rig.run(["abort", started.document.run]);
  });
});
