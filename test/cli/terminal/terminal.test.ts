/** The real command under a real pseudo-terminal: what stands on the screen, and what the keys do. */
import { afterEach, expect, test } from "vitest";
import { columnsOf } from "../../../src/cli/terminal/text-width.ts";
import { CliRig } from "../../rig/cli-rig.ts";
import { noPty, Pty } from "./pty.ts";

const program = process.env["RUNBOOK_TEST_BIN"] ?? new URL("../../../bin/runbook.cjs", import.meta.url).pathname;
const note = (line: string) => `echo ${line} >> "$LEDGER"`;
const script = (text: string) => ({ uses: "script", with: { script: text } });

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function newRig(): CliRig {
  const rig = new CliRig({ fixture: "ledger" });
  ends.push(() => rig.end());
  return rig;
}

interface TerminalOptions {
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

function terminal(rig: CliRig, args: readonly string[], { columns = 80, env = {} }: TerminalOptions = {}): Pty {
  const argv = [process.execPath, program, ...args];
  const pty = new Pty(argv, { columns, rows: 40, env: rig.environment(env), cwd: rig.project });
  ends.push(() => pty.end());
  return pty;
}

/** A read, a write that waits at a gate, a skipped step, two at once, one of them bad. */
function tour(rig: CliRig): void {
  rig.runbook("tour", {
    title: "A tour of the screen",
    onFailure: "rollback",
    budget: "10m",
    steps: [
      { id: "look", title: "Look", effects: "read", ...script("printf 42"), outputs: { answer: "result.json" } },
      {
        id: "change",
        title: "Change something with a name that takes more than one line",
        effects: "write",
        ...script('echo half way; echo at-gate >> "$LEDGER"; read -r _ < "$GATES/go"'),
        rollback: [{ id: "back", title: "Put it back", effects: "write", ...script(note("back")) }],
      },
      { id: "never", title: "Not today", if: "target.protected", effects: "read", run: "true" },
      {
        id: "confirm",
        title: "Confirm from outside",
        parallel: [
          { id: "fine", title: "This is fine", effects: "read", run: "true" },
          { id: "bad", title: "This is not", effects: "read", ...script("echo nothing there >&2; exit 3") },
        ],
      },
      { id: "rest", title: "The rest", effects: "read", run: "true" },
    ],
  });
}

const looks: readonly { columns: number; env: Record<string, string>; ok: string; failed: string; undone: string }[] = [
  { columns: 80, env: {}, ok: "✔", failed: "✖", undone: "↩" },
  { columns: 40, env: {}, ok: "✔", failed: "✖", undone: "↩" },
  { columns: 80, env: { RUNBOOK_ASCII: "1", NO_COLOR: "1" }, ok: "ok", failed: "FAIL", undone: "<-" },
  { columns: 40, env: { LANG: "C", NO_COLOR: "1" }, ok: "ok", failed: "FAIL", undone: "<-" },
];

test.skipIf(noPty).for(looks)(
  "a run that is rolled back: $columns columns, $env",
  async ({ columns, env, ok, failed, undone }) => {
    const rig = newRig();
    tour(rig);
    const gate = rig.gate("go");
    const pty = terminal(rig, ["run", "tour"], { columns, env });
    await pty.see(/half way/);
    await pty.see(/working 0:0/);
    gate.open();
    await pty.see(/rolling back in \d+s/);
    const announced = pty.screen().join(" ").replace(/ +/g, " ");
    expect(announced).toMatch(/FAILED confirm\.bad .*What rolling back would do change: back/);
    pty.type("b\r");
    expect(await pty.ended).toBe(6);
    const screen = pty.screen();
    expect(screen.join("\n")).not.toMatch(/rolling back in/);
    for (const [mark, id] of [
      [ok, "look"],
      [ok, "change"],
      [failed, "confirm"],
      [ok, "fine"],
      [failed, "bad"],
      [undone, "back"],
    ] as const) {
      expect(screen.filter((line) => new RegExp(`^ +${mark} +${id} `).test(line))).toHaveLength(1);
    }
    expect(screen.join("\n")).toMatch(/rest: did not run/);
    expect(screen.join("\n")).toMatch(/ROLLED BACK/);
    // The block went with the run: no clock, nothing left half drawn.
    expect(screen.join("\n")).not.toMatch(/working|half way/);
    for (const line of screen) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
    if (env["NO_COLOR"]) {
      expect(pty.output).not.toMatch(/\u001b\[[\d;]*m/);
      expect(pty.output.replace(/\u001b\[\d*[AKJ]/g, "")).toMatch(/^[\r\n -~·…]*$/);
    } else expect(pty.output).toMatch(/\u001b\[32m/);
    expect(pty.output).not.toMatch(/\u001b\[\?/);
  },
);

test.skipIf(noPty).for<{ env: Record<string, string>; escapes: string[] }>([
  { env: { TERM: "dumb" }, escapes: [] },
  { env: { TERM: "dumb", LANG: "C" }, escapes: [] },
  { env: { CI: "true", NO_COLOR: "1" }, escapes: [] },
  { env: { CI: "true" }, escapes: ["\u001b[32m", "\u001b[39m"] },
])("a terminal that is none to draw on gets lines that name every step: $env", async ({ env, escapes }) => {
  const rig = newRig();
  const step = (id: string) => ({ id, title: `The step ${id}`, effects: "read", run: "true" });
  rig.runbook("plain", {
    steps: [step("first"), { id: "both", title: "Both", parallel: [step("left"), step("right")] }],
  });
  const pty = terminal(rig, ["run", "plain"], { columns: 40, env });
  expect(await pty.ended).toBe(0);
  expect(pty.output.match(/\u001b\[?[\d;]*[A-Za-z]?/g) ?? []).toEqual(escapes);
  for (const path of ["first", "both.left", "both.right"]) expect(pty.output).toMatch(new RegExp(`Z {2}${path} +ok `));
  expect(pty.output).toContain("SUCCEEDED");
  if (env["LANG"] === "C") expect(pty.output).toMatch(/^[\r\n -~]*$/);
});

test.skipIf(noPty)("a line typed while the way back is announced stops it, and the question follows", async () => {
  const rig = newRig();
  tour(rig);
  rig.gate("go").open();
  const pty = terminal(rig, ["run", "tour"]);
  await pty.see(/rolling back in \d+s/);
  pty.type("?\r");
  await pty.see(/stop after this step; again: end the step now/);
  pty.type("\r");
  await pty.see(/stopped the way back; nothing is undone/);
  await pty.see(/b {2}roll back now[\s\S]*> /);
  expect(rig.ledger()).toEqual(["at-gate"]);
  pty.type("b\r");
  expect(await pty.ended).toBe(6);
  expect(rig.ledger()).toEqual(["at-gate", "back"]);
  const record = rig.record(rig.runs()[0] ?? "");
  expect(record.deviations.map(({ kind }) => kind)).toContain("rollback-stopped");
});

test.skipIf(noPty)("`--progress plain` in a terminal draws nothing in place", async () => {
  const rig = newRig();
  tour(rig);
  rig.gate("go").open();
  const pty = terminal(rig, ["run", "tour", "--progress", "plain", "--color", "never"]);
  await pty.see(/rollback +in 15\.0s unless stopped: .*would undo change[\s\S]*b Enter {2}now/);
  pty.type("b\r");
  expect(await pty.ended).toBe(6);
  expect(pty.output).not.toContain("\u001b");
  expect(pty.output).toMatch(/Z {2}change +start/);
});

test("a pipe gets no escape byte, whatever is printed", async () => {
  const rig = newRig();
  tour(rig);
  rig.gate("go").open();
  const ran = await rig.run(["run", "tour"]);
  expect(ran.code).toBe(6);
  expect(ran.stdout + ran.stderr).not.toContain("\u001b");
});

test.skipIf(noPty)("Ctrl-C stops after the step, says so, and leaves the terminal as it was", async () => {
  const rig = newRig();
  tour(rig);
  const gate = rig.gate("go");
  const pty = terminal(rig, ["run", "tour"]);
  await pty.see(/half way/);
  pty.type("\u0003");
  await pty.see(/stopping after this step/);
  gate.open();
  expect(await pty.ended).toBe(130);
  expect(pty.output).not.toMatch(/\u001b\[\?/);
  expect(pty.screen().join("\n")).toMatch(/never, confirm, rest: not run yet/);
});

test.skipIf(noPty)("a lost terminal does not stop the run, and `attach` shows all of it", async () => {
  const rig = newRig();
  tour(rig);
  const gate = rig.gate("go");
  const pty = terminal(rig, ["run", "tour", "-y"]);
  await pty.see(/half way/);
  await pty.end();
  gate.open();
  const attached = terminal(rig, ["attach", "last"]);
  expect(await attached.ended).toBe(6);
  expect(attached.screen().join("\n")).toMatch(/✔ look +Look[\s\S]*↩ back +Put it back[\s\S]*ROLLED BACK/);
  expect(rig.ledger()).toEqual(["at-gate", "back"]);
});

test.skipIf(noPty)("Enter pressed while it runs leaves no half of a block behind", async () => {
  const rig = newRig();
  tour(rig);
  const gate = rig.gate("go");
  const pty = terminal(rig, ["run", "tour", "-y"]);
  await pty.see(/half way/);
  for (let press = 0; press < 3; press++) {
    pty.type("\r");
    await pty.see(/\r\n[\s\S]*working/);
  }
  pty.type("typed words");
  await pty.see(/typed words[\s\S]*working/);
  gate.open();
  expect(await pty.ended).toBe(6);
  const screen = pty.screen().join("\n");
  expect(screen).not.toMatch(/working|typed words/);
  expect(screen.match(/^ +✔ change /gm)).toHaveLength(1);
  expect(screen.match(/^ +\S+ rest/gm)).toHaveLength(1);
});

test.skipIf(noPty)("l shows the end of the log of what runs, ? the keys; neither disturbs the run", async () => {
  const rig = newRig();
  tour(rig);
  const gate = rig.gate("go");
  const pty = terminal(rig, ["run", "tour", "-y"]);
  await pty.see(/half way/);
  pty.type("l\r");
  await pty.see(/last lines of change; all of it: runbook logs rb-\w+/);
  pty.type("?\r");
  await pty.see(/stop after this step; again: end the step now/);
  expect(pty.screen().filter((line) => /^ {4}half way$/.test(line))).toHaveLength(1);
  gate.open();
  expect(await pty.ended).toBe(6);
});
