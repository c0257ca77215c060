import { expect, test } from "vitest";
import { columnsOf } from "../../../src/cli/terminal/text-width.ts";
import { approver, check, JournalBuilder, operator, type StepSpec } from "../../rig/journal-builder.ts";
import { ViewRig } from "./view-rig.ts";

const steps: readonly StepSpec[] = [
  { path: "window", title: "Inside the change window", phase: "guards", stepType: "window" },
  { path: "pre_state", title: "Record what is live now" },
  { path: "approve", title: "Approve the rollback", stepType: "approval" },
  { path: "deploy", title: "Deploy v41", effects: "write" },
  { path: "confirm", title: "Confirm from outside", stepType: "parallel" },
  { path: "confirm.version", title: "The public version is the one deployed", stepType: "http" },
  { path: "confirm.latency", title: "p95 is below 800 ms", stepType: "sample" },
];

const failure = {
  class: "failed",
  reason: "verify-not-met",
  message: "p95 is 912 ms over 40 requests.",
  facts: {},
} as const;

function begun(): JournalBuilder {
  return new JournalBuilder()
    .start(steps)
    .step("window", { ms: 3 })
    .step("pre_state", { ms: 3126, outputs: { version: 42, image: "shop-web:deploy-01HX" } })
    .append({ type: "step.skipped", step: "approve", title: "Approve the rollback", why: "target.protected is false" });
}

function confirming(): JournalBuilder {
  const group = {
    stepType: "parallel",
    action: "",
    definition: "",
    effects: "read",
    phase: "steps",
    attempt: 1,
  } as const;
  return begun()
    .step("deploy", { argv: ["fly", "deploy"], ms: 41_000 })
    .append({ type: "step.started", step: "confirm", title: "Confirm from outside", ...group });
}

test("shows what ran, what runs, what comes, and both clocks", () => {
  const builder = begun().begin("deploy", { argv: ["fly", "deploy"] });
  const rig = new ViewRig({ tail: () => ["machine 1 of 2 healthy"] }).show(builder).at(builder.wait(18_000).now);
  expect(rig.screen).toMatchInlineSnapshot(`
    "
      Roll production back to the last good release       rollback-production 1.0.0
      production (protected) · incident=INC-482 · rb-7f3k2m · as operator@example
      head sha256:450a4802038ceddd190f620b98e4ad094a2263c437a912eb8d915a1d66d3b5b8

      ✔ window     Inside the change window                                    0.0s
      ✔ pre_state  Record what is live now                                     3.1s
                   version 42 · image shop-web:deploy-01HX
      ↷ approve    Approve the rollback
                   target.protected is false
      ⠙ deploy     Deploy v41                                            write  18s
                   machine 1 of 2 healthy
      ○ confirm    Confirm from outside                               2 in parallel

      working 0:21 of 2:00   rto 0:21 of 5:00   Ctrl-C stops after this step
      l log · ? keys"
  `);
  rig.end();
});

test("keeps finished steps in the scrollback and every name on the screen when a step fails", () => {
  const builder = confirming()
    .step("confirm.version", { ms: 300 })
    .begin("confirm.latency")
    .wait(12_000)
    .append({
      type: "step.finished",
      step: "confirm.latency",
      status: "failed",
      attempt: 1,
      durationMs: 12_000,
      outputs: {},
      checks: [check("result.p95Ms < 800", "result.p95Ms < 800", "912")],
      artifacts: [],
      failure,
      result: null,
      note: null,
    })
    .end("confirm", { ...failure, reason: "member", message: "confirm.latency failed" })
    .append({ type: "rollback.started", why: "confirm.latency failed", steps: ["deploy"] })
    .begin("deploy.rollback.redeploy", { argv: ["fly", "deploy"] })
    .wait(5_000)
    .end("deploy.rollback.redeploy", null, 5_000)
    .append({ type: "step.undone", step: "deploy", ok: true, verified: true })
    .append({ type: "rollback.finished", ok: true })
    .finish("rolled_back", 6);
  expect(new ViewRig().show(builder).end().screen).toMatchInlineSnapshot(`
    "
      Roll production back to the last good release       rollback-production 1.0.0
      production (protected) · incident=INC-482 · rb-7f3k2m · as operator@example
      head sha256:450a4802038ceddd190f620b98e4ad094a2263c437a912eb8d915a1d66d3b5b8

      ✔ window     Inside the change window                                    0.0s
      ✔ pre_state  Record what is live now                                     3.1s
                   version 42 · image shop-web:deploy-01HX
      ↷ approve    Approve the rollback
                   target.protected is false
      ✔ deploy     Deploy v41                                                 41.0s
      ✖ confirm    Confirm from outside                               failed  12.4s
          ✔ version  The public version is the one deployed                    0.3s
          ✖ latency  p95 is below 800 ms                              failed  12.0s
                     result.p95Ms < 800 is 912
                     p95 is 912 ms over 40 requests.
      ↩ rolling back: confirm.latency failed; undoing deploy
      ↩ redeploy   Title of deploy.rollback.redeploy                           5.0s
      ↩ deploy undone, verified"
  `);
});

test("shows nothing twice: the same lines whether records come one by one or all at once", () => {
  const builder = confirming().step("confirm.version", { ms: 300 });
  const whole = new ViewRig().show(builder).end();
  const single = new ViewRig();
  const slow = new JournalBuilder();
  for (const line of builder.lines) {
    slow.lines.push(line);
    single.show(slow).at(JSON.parse(line).at);
  }
  expect(single.at(builder.now).end().screen).toBe(whole.screen);
  expect(whole.screen.match(/Record what is live now/g)).toHaveLength(1);
});

test("fits 40 columns: no line is wider, ids stay whole", () => {
  const builder = confirming().begin("confirm.version");
  const rig = new ViewRig({ columns: 40 }).show(builder).at(builder.wait(2_000).now);
  for (const line of rig.emulator.text) expect(columnsOf(line)).toBeLessThan(40);
  for (const id of ["window", "pre_state", "approve", "deploy", "confirm", "version", "latency"]) {
    expect(rig.screen).toMatch(new RegExp(`\\b${id}\\b`));
  }
  expect(rig.screen).toMatchInlineSnapshot(`
    "
      Roll production back to the last good
      release
      rollback-production 1.0.0 ·
      production (protected) ·
      incident=INC-482 · rb-7f3k2m · as
      operator@example
      head
      sha256:450a4802038ceddd190f620b98e4ad
      094a2263c437a912eb8d915a1d66d3b5b8

      ✔ window     Inside the change   0.0s
                   window
      ✔ pre_state  Record what is      3.1s
                   live now
        version 42 · image
        shop-web:deploy-01HX
      ↷ approve    Approve the rollback
        target.protected is false
      ✔ deploy     Deploy v41         41.0s
      ⠙ confirm    Confirm from outside  2s
          ⠙ version  The public versio…  2s
          ○ latency  p95 is below 800 ms

      working 0:46 of 2:00
      rto 0:46 of 5:00
      Ctrl-C stops after this step
      l log · ? keys"
  `);
  rig.end();
});

test("says it in ASCII where the terminal has no more, and without colour sends none", () => {
  const builder = confirming().begin("confirm.version");
  const rig = new ViewRig({ ascii: true }).show(builder).at(builder.wait(2_000).now).end();
  expect(rig.bytes.replace(/\u001b\[\d*[AKJ]/g, "")).toMatch(/^[\n\r -~]*$/);
  expect(rig.screen).toContain("ok   pre_state  Record what is live now");
});

test("colours are the 16 of any terminal, and the words are the same without them", () => {
  const builder = confirming().begin("confirm.version");
  const plain = new ViewRig().show(builder).end();
  const colored = new ViewRig({ color: true }).show(builder).end();
  expect(colored.screen).toBe(plain.screen);
  const codes = new Set([...colored.bytes.matchAll(/\u001b\[([\d;]*)m/g)].map(([, code]) => code));
  expect([...codes].every((code) => /^([12]|22|3[0-9])$/.test(code ?? ""))).toBe(true);
  expect(codes.has("32")).toBe(true);
  expect(plain.bytes).not.toMatch(/\u001b\[[\d;]*m/);
});

test("a clock past 80 % of its limit says so in words, and one over it by how much", () => {
  const builder = new JournalBuilder().start(steps).begin("deploy");
  const rig = new ViewRig({ columns: 100, color: true }).show(builder).at(builder.wait(90_000).now);
  expect(rig.screen).toContain("working 1:30 of 2:00   rto 1:30 of 5:00");
  rig.at(builder.wait(10_000).now);
  expect(rig.screen).toContain("! working 1:40 of 2:00, 83 % used");
  expect(rig.bytes).toContain("\u001b[33m! working 1:40 of 2:00, 83 % used");
  rig.at(builder.wait(30_000).now);
  expect(rig.screen).toContain("! working 2:10 of 2:00, over by 0:10");
  rig.end();
});

test("the working clock stands still while a person decides; the objective's does not", () => {
  const builder = begun()
    .ask("approve")
    .append({ type: "run.waiting", for: ["approve"] })
    .wait(60_000);
  builder.append({ type: "run.resumed", by: approver, waitedMs: 60_000 }).begin("deploy");
  const rig = new ViewRig().show(builder);
  expect(rig.screen).toContain("working 0:03 of 2:00   rto 1:03 of 5:00");
  rig.end();
});

test("who approved and how long that took", () => {
  const builder = begun()
    .ask("approve")
    .append({ type: "run.waiting", for: ["approve"] })
    .wait(31_400)
    .answer("approve", "approved", approver)
    .append({ type: "run.resumed", by: approver, waitedMs: 31_400 })
    .end("approve", null, 31_400);
  const { screen } = new ViewRig().show(builder).end();
  expect(screen).toMatch(/⏸ approve {4}Approve the rollback +waits until 09:10Z/);
  expect(screen).toMatch(/✔ approve {4}Approve the rollback +approver@example {2}31\.4s/);
});

test("2,000 items are a few numbers, and what failed has a name", () => {
  const builder = new JournalBuilder().start([{ path: "hosts", title: "Look at every host" }]);
  builder.append({
    type: "step.started",
    step: "hosts",
    title: "Look at every host",
    attempt: 1,
    phase: "steps",
    stepType: "forEach",
    effects: "read",
    action: "2000 items",
    definition: "",
  });
  for (let at = 0; at < 1_990; at++) builder.step(`hosts[${at}]`, at % 500 === 7 ? { ms: 1, failure } : { ms: 1 });
  builder.begin("hosts[1990]");
  const rig = new ViewRig({ columns: 60 }).show(builder);
  expect(rig.screen).toContain("1986 of 2000 done · 4 failed · 1 running");
  expect(rig.emulator.text.length).toBeLessThan(15);
  rig.end();
  expect(rig.screen).toContain("hosts[7]: p95 is 912 ms over 40 requests.");
});

test("a step that is tried again says which attempt it is and why", () => {
  const builder = new JournalBuilder().start(steps).begin("pre_state").wait(1_000);
  builder.append({ type: "step.retrying", step: "pre_state", attempt: 1, delayMs: 2_000, failure });
  const rig = new ViewRig().show(builder);
  expect(rig.screen).toContain("tries again: p95 is 912 ms over 40 requests.");
  rig.show(builder.wait(2_000).begin("pre_state", { attempt: 2 }));
  expect(rig.screen).toMatch(/pre_state {2}Record what is live now +attempt 2 {2}0s/);
  rig.show(builder.wait(500).end("pre_state", null, 500));
  expect(rig.screen).toMatch(/✔ pre_state {2}Record what is live now +2 tries {2}0\.5s/);
  rig.end();
});

test("what a step printed cannot move the cursor or hide", () => {
  const hostile = "\u001b[2J\u001b[1;1Hpwned\u202egnp";
  const builder = new JournalBuilder()
    .start(steps, { title: `Title ${hostile}` })
    .step("pre_state", { outputs: { version: hostile } })
    .begin("deploy");
  const rig = new ViewRig({ tail: () => [hostile] }).show(builder).end();
  expect(rig.bytes).not.toContain("\u001b[2J");
  expect(rig.bytes).not.toContain("\u202e");
  expect(rig.screen).toContain("\\u001b[2J");
});

test("lines of others go above the block and stay", () => {
  const rig = new ViewRig().show(begun().begin("deploy"));
  rig.stream.write("stopping rb-7f3k2m after the current step\n");
  rig.at("2026-03-14T09:00:09.000Z");
  const at = rig.emulator.text.indexOf("stopping rb-7f3k2m after the current step");
  expect(at).toBeGreaterThan(0);
  expect(rig.emulator.text[at + 1]).toMatch(/ deploy /);
  rig.end();
  expect(rig.screen.match(/stopping rb/g)).toHaveLength(1);
});

test("a terminal made narrower keeps one block and no half of another", () => {
  const rig = new ViewRig({ columns: 80 }).show(begun().begin("deploy"));
  rig.resize(50).resize(40);
  expect(rig.screen.match(/working/g)).toHaveLength(1);
  expect(rig.screen.match(/Deploy v41/g)).toHaveLength(1);
  rig.resize(100);
  expect(rig.screen.match(/working/g)).toHaveLength(1);
  rig.end();
});

test("more steps than rows: the running one stays in sight, the rest is a number", () => {
  const many = Array.from({ length: 60 }, (_, at) => ({ path: `step_${at}`, title: `Number ${at}` }));
  const rig = new ViewRig({ rows: 12 }).show(new JournalBuilder().start(many).begin("step_0"));
  expect(rig.screen).toContain("Number 0");
  expect(rig.screen).toMatch(/and 5\d more/);
  rig.at("2026-03-14T09:00:05.000Z").at("2026-03-14T09:00:06.000Z");
  expect(rig.screen.match(/Number 0/g)).toHaveLength(1);
  rig.end();
});

test("a resumed run says what will not run again", () => {
  const builder = begun();
  const seen = builder.lines.length;
  const rig = new ViewRig();
  // What was before is folded but not shown, as `resume` does.
  rig.showFrom(builder.executor(true).begin("deploy"), seen);
  expect(rig.screen).toContain("✔ window, pre_state, approve: done, will not run again");
  expect(rig.screen.match(/Record what is live now/g)).toBeNull();
  rig.end();
});

test("a step that an executor before this one began is shown as running until it ends", () => {
  const builder = begun().begin("deploy");
  const seen = builder.lines.length;
  const rig = new ViewRig().showFrom(builder.executor(true), seen);
  expect(rig.screen).toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] deploy/);
  expect(rig.screen).toMatch(/deploy +Deploy v41 +write/);
  rig.show(builder.wait(1_000).end("deploy", null, 1_000)).end();
  expect(rig.screen).toMatch(/✔ deploy +Deploy v41 +1\.0s/);
  expect(rig.screen.match(/Deploy v41/g)).toHaveLength(1);
});

test("overrides, aborts and Ctrl-C are told where they happen", () => {
  const builder = begun()
    .append({ type: "override.recorded", step: "deploy", reason: "INC-482", by: operator })
    .begin("deploy")
    .append({ type: "signal.received", signal: "SIGINT", press: 1 });
  const rig = new ViewRig().show(builder);
  expect(rig.screen).toContain("! deploy overridden by operator@example: INC-482");
  expect(rig.screen).toContain("stopping after this step; Ctrl-C again ends it now");
  rig.end();
});
