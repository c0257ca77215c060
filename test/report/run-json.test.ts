import { describe, expect, test } from "vitest";
import { runDocument } from "../../src/report/run-json.ts";
import { stepsInOrder, undoneStep } from "../../src/report/step-order.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

const extras = {
  exitCode: 5,
  exitName: "waiting",
  dir: ".runbook/runs/rb-x",
  report: null,
  executorAlive: false,
  interrupted: false,
  nextFor: (step: string) => `runbook approve rb-x --step ${step}`,
};

/** The fields in their order. */
const fields =
  "format run runbook version digest target dry result exitCode exitName actor startedAt finishedAt durationMs workingMs waitingMs objectives budget planDigest headHash executor deviations waitingFor dir report steps";
const stepFields =
  "path id title phase type effects status why attempts startedAt finishedAt durationMs outputs checks artifacts failure";

describe("runbook.run/1.0", () => {
  test.each(Object.entries(stories))("%s has every field, and is the same twice", (_, story) => {
    const document = runDocument(story().fold(), extras) as unknown as { steps: object[] };
    expect(Object.keys(document).join(" ")).toBe(fields);
    for (const step of document.steps) expect(Object.keys(step).join(" ")).toBe(stepFields);
    expect(JSON.stringify(document)).not.toContain("undefined");
    expect(runDocument(story().fold(), extras)).toEqual(document);
  });

  test("a finished run has its own exit code, not the command's", () => {
    expect(runDocument(stories.rolledBack().fold(), extras)).toMatchObject({
      result: "rolled_back",
      exitCode: 6,
      exitName: "rolled_back",
      waitingFor: null,
      objectives: [{ name: "rto", targetMs: 60_000, actualMs: 128_000, met: false }],
      budget: null,
      deviations: [{ kind: "objective-missed" }],
      executor: { pid: 4242, host: "ci-1", alive: false },
    });
  });

  test("a waiting run says for whom, what they would be shown and what to type", () => {
    const builder = stories.waiting();
    expect(runDocument(builder.fold(), extras)).toMatchObject({
      result: "waiting",
      exitCode: 5,
      finishedAt: null,
      waitingFor: [
        {
          step: "approve",
          kind: "approval",
          from: ["sre-oncall"],
          expiresAt: "2026-03-14T09:10:03.149Z",
          shownDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          next: "runbook approve rb-x --step approve",
        },
      ],
      budget: { targetMs: 120_000, actualMs: null, met: null },
    });
  });

  test("a group has the strongest effect of its members", () => {
    const builder = new JournalBuilder().start([
      { path: "g", stepType: "group" },
      { path: "g.a" },
      { path: "g.b", effects: "destructive" },
    ]);
    const effects = runDocument(builder.fold(), extras).steps.map((step) => step.effects);
    expect(effects).toEqual(["destructive", "read", "destructive"]);
  });

  test("a run without a verdict and without an executor is interrupted", () => {
    const builder = new JournalBuilder().start([{ path: "a" }]).begin("a");
    expect(runDocument(builder.fold(), { ...extras, interrupted: true })).toMatchObject({ result: "interrupted" });
    expect(runDocument(builder.fold(), { ...extras, executorAlive: true })).toMatchObject({ result: "running" });
  });
});

describe("the order of steps", () => {
  test("is that of execution: items behind their group, undo before cleanup", () => {
    const builder = new JournalBuilder().start([
      { path: "guard", phase: "guards" },
      { path: "hosts", stepType: "group" },
      { path: "deploy", effects: "write" },
      { path: "drop", phase: "always" },
    ]);
    for (const path of ["hosts[0].ping", "hosts[1].ping", "deploy.rollback.redeploy", "drop"]) builder.step(path);
    expect(stepsInOrder(builder.fold()).map((s) => s.path)).toEqual([
      "guard",
      "hosts",
      "hosts[0].ping",
      "hosts[1].ping",
      "deploy",
      "deploy.rollback.redeploy",
      "drop",
    ]);
  });

  test("knows which step an undo step belongs to", () => {
    expect(undoneStep("deploy.rollback.redeploy")).toBe("deploy");
    expect(undoneStep("deploy")).toBeNull();
  });
});
