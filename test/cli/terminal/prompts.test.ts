/** Questions in a real pseudo-terminal: what counts as an answer, and what never does. */
import { afterEach, expect, test } from "vitest";
import { CliRig } from "../../rig/cli-rig.ts";
import { endProcessesOf } from "../../rig/processes.ts";
import { until } from "../../rig/until.ts";
import { noPty, Pty } from "./pty.ts";

const program = process.env["RUNBOOK_TEST_BIN"] ?? new URL("../../../bin/runbook.cjs", import.meta.url).pathname;
const script = (text: string) => ({ uses: "script", with: { script: text } });
const change = { id: "change", title: "Change it", effects: "write", ...script('echo changed >> "$LEDGER"') };
const back = { id: "back", title: "Put it back", effects: "write", ...script('echo back >> "$LEDGER"') };
const prompt = /^ {2}> /m;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function newRig(): CliRig {
  const rig = new CliRig({ fixture: "ledger" });
  ends.push(() => rig.end());
  return rig;
}

function terminal(rig: CliRig, ...args: string[]): Pty {
  const argv = [process.execPath, program, ...args];
  const pty = new Pty(argv, { columns: 80, rows: 50, env: rig.environment(), cwd: rig.project });
  ends.push(() => pty.end());
  return pty;
}

function approvalRig(more: object = {}): CliRig {
  const rig = newRig();
  rig.runbook("ask", {
    title: "Ask first",
    targets: ["here", "guarded"],
    steps: [
      {
        id: "approve",
        title: "May I?",
        uses: "approval",
        with: { prompt: "Change it to v41?", from: ["ops"] },
        ...more,
      },
      { ...change, rollback: [back] },
    ],
  });
  return rig;
}

const onlyRun = (rig: CliRig) => rig.record(rig.runs()[0] ?? "");

test.skipIf(noPty)("an approval shows what it will start, and the typed word lets the run succeed", async () => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "here");
  await pty.see(prompt);
  const { request } = onlyRun(rig).steps.get("approve")?.approval ?? {};
  const screen = pty.screen().join("\n");
  for (const line of request?.shown.split("\n") ?? []) expect(screen.replace(/\n +/g, " ")).toContain(line.trim());
  expect(rig.ledger()).toEqual([]);
  pty.type("approve looks right\r");
  expect(await pty.ended).toBe(0);
  expect(rig.ledger()).toEqual(["changed"]);
  const record = onlyRun(rig);
  expect(record.result).toBe("succeeded");
  expect(record.steps.get("approve")?.approval?.decisions[0]?.reason).toBe("looks right");
  expect(await rig.problems(record.run)).toEqual([]);
});

test.skipIf(noPty)("Enter alone, y, and what was typed before the question do nothing", async () => {
  const rig = approvalRig();
  rig.runbook("ask", {
    steps: [
      { id: "first", title: "First", effects: "read", ...script('read -r _ < "$GATES/go"') },
      { id: "approve", title: "May I?", uses: "approval", with: { prompt: "Change it?" } },
      { ...change, rollback: [back] },
    ],
  });
  const gate = rig.gate("go");
  const pty = terminal(rig, "run", "ask", "-y");
  // Styled between, when it runs before it was ever drawn as waiting.
  await pty.see(/first[ \0]+First/);
  pty.type("approve\r");
  await pty.see(/approve\r\n/); // the terminal's echo: it lies in the input now
  gate.open();
  await pty.see(prompt);
  pty.type("\r");
  await pty.see(prompt);
  pty.type("y\r");
  await pty.see(/"y" is none of approve, reject/);
  await pty.see(prompt);
  expect(rig.ledger()).toEqual([]);
  expect(onlyRun(rig).result).toBe("waiting");
  pty.type("q\r");
  expect(await pty.ended).toBe(5);
});

test.skipIf(noPty).for([
  { name: "q", keys: "q\r" },
  { name: "Ctrl-C", keys: "\u0003" },
  { name: "Ctrl-D", keys: "\u0004" },
])("$name leaves the run waiting, exit 5", async ({ keys }) => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "here");
  await pty.see(prompt);
  pty.type(keys);
  expect(await pty.ended).toBe(5);
  expect(onlyRun(rig).result).toBe("waiting");
  expect(pty.screen().join("\n")).toMatch(/next +runbook approve rb-/);
});

test.skipIf(noPty)("a terminal that goes away during a question answers nothing", async () => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "here");
  await pty.see(prompt);
  await pty.end();
  await until("the command is gone", () => rig.processes().length === 0);
  expect(onlyRun(rig).result).toBe("waiting");
  expect((await rig.run(["approve", "last"])).code).toBe(0);
  expect((await rig.run(["wait", "last"])).code).toBe(0);
});

test.skipIf(noPty)("reject with a reason ends the run, and nothing changed", async () => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "here");
  await pty.see(prompt);
  pty.type("reject not today\r");
  expect(await pty.ended).toBe(4);
  expect(rig.ledger()).toEqual([]);
  expect(pty.screen().join("\n")).toContain("not today");
});

test("an approval is never read from a pipe", async () => {
  const rig = approvalRig();
  const ran = await rig.run(["run", "ask", "-t", "here", "-y"]);
  expect(ran.code).toBe(5);
  expect(ran.stdout + ran.stderr).not.toMatch(prompt);
});

test.skipIf(noPty)("on a protected target its name is typed first, and -y does not stand for it", async () => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "guarded", "-y");
  await pty.see(/Type guarded to go on: /);
  pty.type("yes\r");
  expect(await pty.ended).toBe(4);
  expect(rig.runs()).toEqual([]);
});

test.skipIf(noPty)("on a protected target the starter is told who can approve, and is not offered to", async () => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "guarded");
  await pty.see(/Type guarded to go on: /);
  pty.type("guarded\r");
  await pty.see(prompt);
  const screen = pty.screen().join("\n");
  expect(screen).toMatch(/You cannot approve it here/);
  expect(screen).toMatch(/Ask ops; they type:\n +runbook approve rb-\w+ --step approve --sign KEY/);
  pty.type("approve\r");
  await pty.see(/"approve" is none of/);
  pty.type("o because\r");
  await pty.see(/"o" is none of/);
  pty.type("q\r");
  expect(await pty.ended).toBe(5);
});

test.skipIf(noPty)("an answer from another terminal is noticed and the run goes on in this one", async () => {
  const rig = approvalRig();
  const pty = terminal(rig, "run", "ask", "-t", "here");
  await pty.see(prompt);
  expect((await rig.run(["approve", "last"])).code).toBe(0);
  await pty.see(/Somebody else answered/);
  expect(await pty.ended).toBe(0);
  expect(rig.ledger()).toEqual(["changed"]);
});

test.skipIf(noPty)("a manual step takes its note and its file; without the evidence it does not count", async () => {
  const rig = newRig();
  rig.write("order.png", "a picture");
  rig.runbook("look", {
    steps: [
      {
        id: "witness",
        title: "Look at one record",
        uses: "manual",
        with: { instructions: "Open order 1000001.", confirm: "The order looks right", evidence: "file" },
      },
    ],
  });
  const pty = terminal(rig, "run", "look");
  await pty.see(prompt);
  expect(pty.screen().join("\n")).toMatch(/Open order 1000001\.\n\n {2}Confirm: "The order looks right"/);
  pty.type("d\r");
  await pty.see(/It does not count: this step asks for a file as evidence/);
  pty.type("a missing.png\r");
  await pty.see(/there is no file "missing\.png"/);
  pty.type("a order.png\r");
  await pty.see(/order\.png attached, 9 bytes/);
  pty.type("n matches, incl. VAT line\r");
  await pty.see(prompt);
  pty.type("d\r");
  expect(await pty.ended).toBe(0);
  const [decision] = onlyRun(rig).steps.get("witness")?.approval?.decisions ?? [];
  expect(decision?.reason).toBe("matches, incl. VAT line");
  expect(decision?.attachments.map((file) => file.bytes)).toEqual([9]);
});

test.skipIf(noPty)("a checkpoint is answered with go or no-go", async () => {
  const rig = newRig();
  rig.runbook("gate", {
    steps: [
      { id: "go", title: "Go live?", uses: "checkpoint", with: { question: "Go live now?" } },
      { ...change, rollback: [back] },
    ],
  });
  const pty = terminal(rig, "run", "gate");
  await pty.see(prompt);
  pty.type("go\r");
  expect(await pty.ended).toBe(0);
  expect(rig.ledger()).toEqual(["changed"]);
});

function failing(): CliRig {
  const rig = newRig();
  rig.runbook("fails", {
    onFailure: "ask",
    steps: [
      { ...change, rollback: [back] },
      {
        id: "check",
        title: "Check it",
        effects: "read",
        ...script('test -e "$GATES/fine" || { echo no >&2; exit 3; }'),
      },
    ],
  });
  return rig;
}

test.skipIf(noPty)("after a failure: what changed, what a rollback would do; b rolls back", async () => {
  const rig = failing();
  const pty = terminal(rig, "run", "fails");
  await pty.see(prompt);
  const screen = pty.screen().join("\n");
  expect(screen).toMatch(/What has changed so far\n {4}change {2}write {2}Change it/);
  expect(screen).toMatch(/What rolling back would do\n {4}change: back {2}Put it back/);
  pty.type("b\r");
  expect(await pty.ended).toBe(6);
  expect(rig.ledger()).toEqual(["changed", "back"]);
});

test.skipIf(noPty)("after a failure: r runs the step again, q leaves it failed", async () => {
  const rig = failing();
  const pty = terminal(rig, "run", "fails");
  await pty.see(prompt);
  pty.type("r\r");
  await pty.see(prompt);
  pty.type("q\r");
  expect(await pty.ended).toBe(1);
  const record = onlyRun(rig);
  expect(record.deviations.filter((deviation) => deviation.kind === "retry")).toHaveLength(1);
  expect(rig.ledger()).toEqual(["changed"]);
});

test.skipIf(noPty)("resume asks before it goes on; n leaves it, y goes on where it stopped", async () => {
  const rig = failing();
  expect((await rig.run(["run", "fails"])).code).toBe(1);
  const no = terminal(rig, "resume");
  await no.see(prompt);
  expect(no.screen().join("\n")).toMatch(/change: done, will not run again\n {2}\? check: failed/);
  no.type("n\r");
  expect(await no.ended).toBe(1);
  expect(onlyRun(rig).executors).toHaveLength(1);
  const yes = terminal(rig, "resume", "last");
  await yes.see(prompt);
  rig.gate("fine");
  yes.type("y\r");
  expect(await yes.ended).toBe(0);
  expect(rig.ledger()).toEqual(["changed"]);
});

test.skipIf(noPty)("a step whose outcome nobody knows: retry, or accept with a reason", async () => {
  const rig = newRig();
  rig.runbook("lost", {
    steps: [
      {
        id: "half",
        title: "Half done",
        effects: "write",
        irreversible: "test",
        ...script('echo half >> "$LEDGER"; read -r _ < "$GATES/never"'),
      },
      { ...change, irreversible: "test" },
    ],
  });
  rig.gate("never");
  const run = rig.start(["run", "lost", "--detach"]);
  await rig.waitForLedger("half");
  const id = await run.run();
  await rig.killSupervisors(id);
  await rig.killExecutor(id);
  await endProcessesOf(rig.dir);
  const pty = terminal(rig, "resume", "last", "-y");
  await pty.see(/Nobody knows whether half took effect/);
  await pty.see(prompt);
  pty.type("accept I looked at it\r");
  expect(await pty.ended).toBe(0);
  await until("the rest ran", () => rig.ledger().includes("changed"));
  expect(rig.ledger()).toEqual(["half", "changed"]);
  const accepted = rig.record(id).deviations.find((deviation) => deviation.kind === "accept");
  expect(accepted?.reason).toBe("I looked at it");
});

function inputsRig(): CliRig {
  const rig = newRig();
  rig.runbook("greet", {
    targets: ["here"],
    inputs: {
      name: { type: "string", required: true, minLength: 3, description: "Who is greeted" },
      times: { type: "integer", required: true, description: "How often" },
      loud: { type: "boolean", default: false, description: "In capitals" },
    },
    steps: [
      {
        ...change,
        ...script('echo "$NAME $TIMES" >> "$LEDGER"'),
        env: { NAME: "${{ inputs.name }}", TIMES: "${{ inputs.times }}" },
        irreversible: "A line in the ledger.",
      },
    ],
  });
  return rig;
}

test.skipIf(noPty)("required inputs that were not given are asked for, until each is right", async () => {
  const rig = inputsRig();
  const pty = terminal(rig, "run", "greet", "-t", "here");
  await pty.see(/name: Who is greeted\r?\n {2}> $/m);
  pty.type("\rab\r");
  await pty.see(/is shorter than 3 characters/);
  pty.type("ada\r");
  await pty.see(/times: How often\r?\n {2}> $/m);
  pty.type("often\r");
  await pty.see(/write a whole number/);
  pty.type("2\r");
  expect(await pty.ended).toBe(0);
  expect(rig.ledger()).toEqual(["ada 2"]);
  expect(onlyRun(rig).started.inputs.slice(-3)).toMatchObject([
    { name: "name", value: "ada", source: "prompt" },
    { name: "times", value: 2, source: "prompt" },
    { name: "loud", value: false, source: "default" },
  ]);
});

test.skipIf(noPty)("who leaves is told what is missing; nothing was started", async () => {
  const rig = inputsRig();
  const pty = terminal(rig, "run", "greet", "-t", "here", "-i", "times=2");
  await pty.see(/name: Who is greeted\r?\n {2}> $/m);
  pty.type("\u0003");
  expect(await pty.ended).toBe(2);
  expect(pty.output).toMatch(/a required input is missing; add -i name=/);
  expect(rig.runs()).toEqual([]);
});

test.skipIf(noPty)("a secret is never asked for on the screen, and --no-input asks for nothing", async () => {
  const rig = newRig();
  rig.runbook("greet", {
    targets: ["here"],
    inputs: { token: { type: "string", required: true, sensitive: true, description: "A key" } },
    steps: [{ id: "look", title: "Look", effects: "read", run: "true" }],
  });
  expect(await terminal(rig, "run", "greet", "-t", "here").ended).toBe(2);
  expect(await terminal(inputsRig(), "run", "greet", "-t", "here", "--no-input").ended).toBe(2);
});

test.skipIf(noPty)("o passes an approval whose author allows it, with a reason that stays as a deviation", async () => {
  const rig = approvalRig({ override: "reason" });
  const pty = terminal(rig, "run", "ask", "-t", "here");
  await pty.see(prompt);
  expect(pty.screen().join("\n")).toMatch(/o {2}override with a reason/);
  pty.type("o\r");
  await pty.see(/Why it goes on without an approval, kept in the report: $/m);
  pty.type("\rINC-482, nobody answers\r");
  expect(await pty.ended).toBe(0);
  expect(rig.ledger()).toEqual(["changed"]);
  expect(onlyRun(rig).deviations).toMatchObject([{ step: "approve", reason: "INC-482, nobody answers" }]);
});
