/** What is printed last about a run, and what a plan looks like, in wide and narrow terminals. */
import { describe, expect, test } from "vitest";
import { type OutcomeOptions, outcomeText } from "../../../src/cli/terminal/outcome-text.ts";
import { plainProgress } from "../../../src/cli/terminal/plain-progress.ts";
import { planText } from "../../../src/cli/terminal/plan-text.ts";
import { asciiSymbols, type Terminal, unicodeSymbols } from "../../../src/cli/terminal/terminal.ts";
import { clip, columnsOf, wrapWords } from "../../../src/cli/terminal/text-width.ts";
import { packageDir, sandboxCommand } from "../../../src/cli/version.ts";
import type { JournalRecord } from "../../../src/engine/events.ts";
import { foldRun } from "../../../src/engine/fold.ts";
import type { Plan, PlannedStep } from "../../../src/plan/plan.ts";
import { JournalBuilder } from "../../rig/journal-builder.ts";
import { stories } from "../../rig/run-stories.ts";

function terminalOf(width: number, ascii = false): Terminal {
  return {
    colorErr: false,
    colorOut: false,
    symbols: ascii ? asciiSymbols : unicodeSymbols,
    width,
    interactive: false,
    progress: "plain",
  };
}

function optionsOf(width: number, exitCode: number): OutcomeOptions {
  const terminal = terminalOf(width);
  const placeOf = () => ({ file: "runbooks/a-runbook.yaml", line: 12 });
  const runDir = "/state/runs/rb-x";
  return { runDir, interrupted: false, exitCode, refusal: null, terminal, project: "/project", placeOf };
}

/** Paths, heads and commands are copied as a whole: they alone may be longer than a line. */
const copied = /^ +(at|log|report|head|next|to do|│) /;

describe.each(Object.entries(stories))("the last screen of a run that ended as %s", (_, story) => {
  const record = story().fold();
  test.each([80, 40])("fits %d columns and names the result, the code and the run", (width) => {
    const text = outcomeText(record, optionsOf(width, record.finished?.exitCode ?? 1));
    for (const line of text.split("\n").filter((item) => !copied.test(item))) {
      expect(columnsOf(line)).toBeLessThan(width);
    }
    expect(text).toContain(record.run);
    expect(text.includes("    at        runbooks/a-runbook.yaml:12")).toBe(/^ {4}tried /m.test(text));
    if (record.finished) expect(text).toMatch(new RegExp(`exit ${record.finished.exitCode}\\b`));
  });
});

test("a rollback that failed says that the state is unknown and which commands are left", () => {
  const record = new JournalBuilder()
    .start([{ path: "deploy", title: "Deploy v41", effects: "write" }, { path: "check" }])
    .step("deploy", { argv: ["fly", "deploy"] })
    .step("check", { failure: { class: "failed", reason: "exit-code", message: "exit code 3", facts: {} } })
    .append({ type: "rollback.started", why: "check failed", steps: ["deploy"] })
    .step("deploy.rollback.redeploy", {
      argv: ["fly", "deploy", "--image", "shop:42"],
      failure: { class: "failed", reason: "exit-code", message: "no such image", facts: {} },
    })
    .append({ type: "step.undone", step: "deploy", ok: false, verified: null })
    .append({ type: "rollback.finished", ok: false })
    .finish("rollback_failed", 7)
    .fold();
  const text = outcomeText(record, optionsOf(80, 7));
  expect(text).toMatch(
    /STATE UNKNOWN[\s\S]*deploy\.rollback\.redeploy[\s\S]*no such image\n +to do +fly deploy --image shop:42\n/,
  );
  // Where the state was looked at, the way back is tried again or taken as done by hand.
  expect(text).toContain(`runbook resume ${record.run} --retry deploy.rollback.redeploy\n`);
  expect(text).toContain(`runbook resume ${record.run} --accept deploy.rollback.redeploy --reason "…"\n`);
});

test("what a failed command printed is shown, at most 20 lines, and cannot act on the terminal", () => {
  const stderr = Array.from({ length: 40 }, (_, at) => `line ${at}`).join("\n");
  const record = new JournalBuilder()
    .start([{ path: "check" }])
    .step("check", {
      argv: ["check"],
      exitCode: 3,
      stdout: "\u001b[2Jpwned\u202e",
      stderr,
      failure: { class: "failed", reason: "exit-code", message: "exit code 3", facts: {} },
    })
    .finish("failed", 1)
    .fold();
  const text = outcomeText(record, optionsOf(80, 1));
  expect(text).toContain("│ line 39");
  expect(text).not.toContain("│ line 19\n");
  expect(text).toContain("│ \\u001b[2Jpwned\\u202e");
  expect(text).not.toContain("\u001b");
});

test("a list or a group that failed with its members is told by them", () => {
  const failure = (message: string) => ({ class: "failed", reason: "r", message, facts: {} }) as const;
  const record = new JournalBuilder()
    .start([{ path: "hosts", stepType: "http" }])
    .step("hosts[0]", { failure: failure("it has ended") })
    .step("hosts", { failure: failure("hosts[0] failed") })
    .finish("failed", 1)
    .fold();
  expect(outcomeText(record, optionsOf(80, 1)).match(/^ {2}FAILED {2}\S+/gm)).toEqual([
    "  FAILED  hosts[0]",
    `  FAILED  ${record.run}`,
  ]);
});

test("the sandbox is stopped by a script of the checkout there, and by the installed program elsewhere", () => {
  const stop = "npm run -s sandbox -- stop";
  expect(sandboxCommand("stop", packageDir, `${packageDir}/.runbook`)).toBe(stop);
  expect(sandboxCommand("stop", packageDir, "/elsewhere")).toBe(`${stop} --state-dir /elsewhere`);
  const project = packageDir.slice(0, packageDir.lastIndexOf("/"));
  const program = `node ${packageDir}/dist/sandbox.cjs`;
  expect(sandboxCommand("start", project, `${project}/.runbook`)).toBe(
    `${program} start --state-dir ${project}/.runbook`,
  );
});

test("wherever its words are wrapped, no line is a command to a CI runner", () => {
  for (let blanks = 0; blanks < 60; blanks++) {
    const message = `${"x".repeat(blanks)} ::error::pwned`;
    const record = new JournalBuilder()
      .start([{ path: "check" }])
      .step("check", { argv: ["check"], failure: { class: "failed", reason: "exit-code", message, facts: {} } })
      .finish("failed", 1)
      .fold();
    expect(outcomeText(record, optionsOf(80, 1))).not.toMatch(/^\s*::/m);
  }
});

const step: PlannedStep = {
  path: "deploy",
  id: "deploy",
  title: "Deploy",
  phase: "steps",
  type: "run",
  effects: "write",
  action: "fly deploy --app shop-web --image ‹known after choose› --strategy rolling --wait-timeout 90s",
  argv: null,
  condition: null,
  unknown: [{ expr: "steps.choose.outputs.image", from: "choose" }],
  undo: [],
  checks: [],
  timeoutMs: null,
  probed: false,
  outputs: null,
};

const plan: Plan = {
  format: "runbook.plan/1.0",
  digest: "sha256:aa",
  planDigest: `sha256:${"77ab".repeat(16)}`,
  runbook: "rollback-production",
  version: "3.1.0",
  title: "Roll back",
  file: "runbooks/rollback-production.yaml",
  target: "production",
  protected: true,
  inputs: [
    { name: "incident", value: "INC-482", source: "flag" },
    { name: "release", value: null, source: "none" },
  ],
  decision: "ready",
  blocked: [],
  warnings: [],
  writes: 1,
  destructive: 0,
  approvals: 0,
  lock: "fly/shop-web",
  worstCaseMs: 250_000,
  tools: [],
  secrets: [],
  steps: [{ ...step, undo: [{ ...step, path: "deploy.rollback.redeploy", id: "redeploy" }] }],
  probed: false,
};

test.each([120, 80, 60, 59, 40])("a plan fits %d columns and keeps every word of an action", (width) => {
  const text = planText(plan, terminalOf(width));
  for (const line of text.split("\n")) expect(columnsOf(line)).toBeLessThan(Math.max(width, 41));
  expect(text.replace(/\s+/g, " ").match(/--strategy rolling --wait-timeout 90s/g)).toHaveLength(2);
  expect(text.replace(/\s+/g, " ")).toContain("incident=INC-482 (flag)");
  expect(text.replace(/\s+/g, " ")).toContain("release not given");
  expect(text).toMatch(/ {3}1 deploy +WRITE/);
});

test("a plan for a terminal without Unicode is ASCII", () => {
  expect(planText(plan, terminalOf(80, true))).toMatch(/^[\n -~]*$/);
});

test("an input cannot act on the terminal that shows the plan", () => {
  const inputs = [{ name: "incident", value: "\u001b[2J\u202e", source: "flag" as const }];
  const text = planText({ ...plan, inputs, steps: [{ ...step, action: "echo \u001b]0;title\u0007" }] }, terminalOf(80));
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test("columns: wide letters take two, marks none", () => {
  expect(columnsOf("abc")).toBe(3);
  expect(columnsOf("日本")).toBe(4);
  expect(columnsOf("e\u0301")).toBe(1);
  expect(columnsOf("✔")).toBe(1);
  expect(columnsOf("🚀")).toBe(2);
  expect(clip("日本語", 5, "…")).toBe("日本…");
  expect(clip("abc", 3, "…")).toBe("abc");
  expect(wrapWords("aa 日本語日本語 b", 6)).toEqual(["aa", "日本語", "日本語", "b"]);
});

test("progress in lines names the head at the start, at a question, at its answer and at the seal, and each is one of the journal", () => {
  const builder = stories.succeeded();
  const written: string[] = [];
  const progress = plainProgress((line) => written.push(line));
  const records = builder.lines.map((line) => JSON.parse(line) as JournalRecord);
  for (const [index, entry] of records.entries()) progress.record(entry, foldRun(records.slice(0, index + 1)));
  progress.end();
  const heads = written.flatMap((line) => {
    const head = /\bhead[ =]sha256:([0-9a-f]{64})/.exec(line)?.[1];
    return head === undefined ? [] : [[line.slice(11).trim().split(/ +/).slice(0, 2).join(" "), head]];
  });
  expect(heads.map(([what]) => what)).toEqual([
    "run start",
    "approve waiting",
    "approve refused",
    "approve approved",
    "run sealed",
  ]);
  for (const [, head] of heads) expect(records.map(({ hash }) => hash)).toContain(head);
  const last = outcomeText(builder.fold(), optionsOf(80, 0));
  expect(last).toContain(`  head  sha256:${builder.headHash}\n`);
});
