import { describe, expect, test } from "vitest";
import { clockText, commandText, durationText, excerpt } from "../../src/report/format.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { reportView } from "../../src/report/view.ts";
import { check, JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

const sources = { runbookYaml: "name: x\n", config: null };
const viewOf = (builder: JournalBuilder) => reportView(builder.fold(), sources);

describe("the heading says how it ended", () => {
  test.each([
    ["succeeded", "PASSED, RTO 1m 28s of 5m"],
    ["rolledBack", "ROLLED BACK, failed at confirm.latency: p95 is 912 ms over 40 requests; every change was undone"],
    [
      "rollbackFailed",
      "STATE UNKNOWN, failed at confirm.latency, and so did the way back: deploy, deploy.rollback.redeploy",
    ],
    ["waiting", "WAITING, at approve for sre-oncall; nothing was changed"],
    ["refused", "REFUSED, at window: It is Sat 04:11 Europe/Berlin, outside Mon-Thu 09:00-16:00; nothing was changed"],
    ["indeterminate", "STATE UNKNOWN, deploy; waiting at deploy for sre-oncall"],
    ["aborted", "ABORTED, by operator@example (wrong app); changed and not undone: deploy"],
  ] as const)("%s", (name, heading) => {
    expect(viewOf(stories[name]()).heading).toBe(`Roll production back to the last good release: ${heading}`);
  });

  test("a failed write is named as the state it left", () => {
    const builder = new JournalBuilder()
      .start([{ path: "deploy", effects: "write" }])
      .step("deploy", { checks: [check("result.ok", "true", "false")], status: "failed" })
      .finish("failed", 1)
      .seal();
    expect(viewOf(builder).heading).toMatch(/FAILED, at deploy: result.ok is false; changed and not undone: deploy$/);
    expect(viewOf(builder).changes[0]?.standing).toBe("not undone; it may have taken effect in part");
  });

  test("a run that stopped in the middle of a write is of unknown state", () => {
    const builder = new JournalBuilder().start([{ path: "deploy", effects: "write" }]).begin("deploy");
    builder.append({ type: "step.indeterminate", step: "deploy", attempt: 1, why: "killed", known: "" });
    expect(viewOf(builder).heading).toMatch(/STATE UNKNOWN, deploy$/);
  });

  test("a missed objective is said although every step succeeded", () => {
    const objectives = [{ name: "rto", targetMs: 1000, actualMs: 2000, met: false, measured: "" }];
    const builder = new JournalBuilder()
      .start([{ path: "a" }])
      .step("a")
      .finish("succeeded", 0, { objectives })
      .seal();
    expect(viewOf(builder).heading).toMatch(/PASSED WITH DEVIATIONS, RTO MISSED: 2s of 1s, 1 deviation$/);
  });
});

test.each(Object.entries(stories))("%s: every figure points at a record that exists", (_, story) => {
  const builder = story();
  const markdown = renderMarkdown(viewOf(builder));
  const seqs = [...markdown.matchAll(/\[#(\d+)\]\(journal\.ndjson#L(\d+)\)/g)];
  expect(seqs.length).toBeGreaterThan(10);
  for (const [, shown, line] of seqs) {
    expect(shown).toBe(line);
    expect(builder.lines[Number(line) - 1]).toContain(`"seq":${line},`);
  }
});

test("page one names the deviations", () => {
  const view = viewOf(stories.aborted());
  expect(view.deviationsText).toBe("1 deviation: aborted");
});

test("what changed stands beside what was read before", () => {
  const [change] = viewOf(stories.rolledBack()).changes;
  expect(change).toMatchObject({
    step: "deploy",
    values: [{ name: "image", before: "shop-web:deploy-01HX (read by pre_state)", after: "shop-web:deploy-01HY" }],
    standing: "undone by deploy.rollback.redeploy (ok), verified",
  });
});

test("a step with items is counted by its items", () => {
  const builder = new JournalBuilder().start([{ path: "hosts", effects: "write" }]).begin("hosts");
  for (const path of ["hosts[0]", "hosts[1]"]) {
    builder.append({
      ...{ type: "step.started", step: path, title: path, attempt: 1, phase: "steps", stepType: "run" },
      ...{ effects: "write", action: "touch x", definition: "" },
    } as never);
    builder.end(path);
  }
  const view = viewOf(builder.end("hosts").finish("succeeded", 0).seal());
  expect(view.result.counts).toBe("2 steps ok, 0 failed, 0 skipped");
  expect(view.changes.map((change) => change.step)).toEqual(["hosts[0]", "hosts[1]"]);
  expect(view.timeline.bars.map((bar) => bar.path)).toEqual(["hosts[0]", "hosts[1]"]);
});

test("a group is said to do what the strongest of its members does, however deep; a way back does not count", () => {
  const effects = (path: string, of: "read" | "write" | "destructive" = "read") => ({ path, effects: of });
  const builder = new JournalBuilder()
    .start([
      effects("out"),
      effects("out.look"),
      effects("out.in"),
      effects("out.in.drop", "destructive"),
      effects("see"),
    ])
    .finish("aborted", 1);
  builder.append({
    ...{
      type: "step.started",
      step: "see.rollback.back",
      title: "back",
      attempt: 1,
      phase: "rollback",
      stepType: "run",
    },
    ...{ effects: "write", action: "touch x", definition: "" },
  } as never);
  const shown = [...viewOf(builder).steps].map((row) => [row.path, row.effects]);
  expect(Object.fromEntries(shown)).toMatchObject({
    out: "destructive",
    "out.look": "read",
    "out.in": "destructive",
    see: "read",
  });
});

test("an undo that nothing verified is said to be so", () => {
  const builder = new JournalBuilder()
    .start([{ path: "deploy", effects: "write" }, { path: "check" }])
    .step("deploy")
    .step("check", { status: "failed" })
    .append({ type: "rollback.started", why: "check failed", steps: ["deploy"] })
    .append({ type: "step.undone", step: "deploy", ok: true, verified: null })
    .append({ type: "rollback.finished", ok: true })
    .finish("rolled_back", 6);
  expect(viewOf(builder).verdict.state).toBe("every change was undone, not verified: deploy");
});

test("sensitive inputs are named, never shown", () => {
  const inputs = [{ name: "token", value: null, source: "flag", sensitive: true }];
  const builder = new JournalBuilder().start([{ path: "a" }], { inputs });
  expect(viewOf(builder).inputs).toEqual([{ name: "token", value: "sensitive, not stored", source: "flag" }]);
});

test("10,000 steps make a report in time linear to their number", () => {
  const build = (count: number) => {
    const builder = new JournalBuilder().start(Array.from({ length: count }, (_, i) => ({ path: `step_${i}` })));
    for (let i = 0; i < count; i++) builder.step(`step_${i}`, { argv: ["true"], stdout: "ok\n", ms: 3 });
    return builder.finish("succeeded", 0).seal().fold();
  };
  const record = build(10_000);
  renderMarkdown(reportView(build(100), sources));
  const started = process.cpuUsage();
  const markdown = renderMarkdown(reportView(record, sources));
  const spent = process.cpuUsage(started);
  const spentMs = (spent.user + spent.system) / 1000;
  expect(markdown).toContain("9900 more steps are left out here");
  console.log(`10,000 steps: ${spentMs.toFixed(0)} ms of processor time, ${(markdown.length / 1e6).toFixed(1)} MB`);
  expect(spentMs).toBeLessThan(5_000);
});

describe("figures", () => {
  test.each([
    [0, "0ms"],
    [999.9, "999ms"],
    [1000, "1s"],
    [9_849, "9.8s"],
    [59_999, "59.9s"],
    [60_000, "1m"],
    [1_084_000, "18m 04s"],
    [86_100_000, "23h 55m"],
    [90 * 86_400_000, "90d"],
    [-68_000, "-1m 08s"],
  ])("%d ms is %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  test("a time of another day has its date", () => {
    expect(clockText("2026-03-14T09:00:02.000Z", "2026-03-14")).toBe("09:00:02");
    expect(clockText("2026-03-15T09:00:02.000Z", "2026-03-14")).toBe("2026-03-15 09:00:02");
  });

  test("an excerpt says what it leaves out", () => {
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n");
    const shown = excerpt(lines, 20, 20, 500).split("\n");
    expect(shown).toHaveLength(41);
    expect(shown[20]).toBe("[… 60 lines left out]");
    expect(excerpt("x".repeat(600), 1, 0, 500)).toBe(`${"x".repeat(500)} [… 100 characters left out]`);
    expect(excerpt(`${"x".repeat(499)}\u{1f600}`, 1, 0, 500)).toBe(`${"x".repeat(499)} [… 2 characters left out]`);
  });

  test("a command is shown so that it could be typed", () => {
    expect(commandText(["echo", "it's", "a b", "", "x=1"])).toBe(`echo 'it'\\''s' 'a b' '' x=1`);
  });
});
