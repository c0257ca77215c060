/** `action.yml`, its `run:` steps really executed by bash as the runner does, in a project of its own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { CliRig } from "../rig/cli-rig.ts";

const root = join(import.meta.dirname, "../..");

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string; readonly description: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly {
      readonly id?: string;
      readonly uses?: string;
      readonly run?: string;
      readonly shell?: string;
      readonly env?: Readonly<Record<string, string>>;
      readonly "working-directory"?: string;
    }[];
  };
}

const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as Action;

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.runbook("say", {
    inputs: { word: { type: "string", required: true } },
    steps: [
      {
        id: "say",
        title: "Say it",
        uses: "script",
        effects: "read",
        with: { script: 'printf "%s\\n" "$WORD"' },
        env: { WORD: "${{ inputs.word }}" },
        verify: ['!result.stdout.startsWith("::")'],
      },
    ],
  });
});
afterAll(() => rig.end());

/** Fills `${{ inputs.NAME }}` as the runner does. */
function filled(text: string, inputs: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{\{\s*inputs\.([a-z-]+)\s*\}\}/g, (_, name: string) => {
    const declared = action.inputs[name];
    if (declared === undefined) throw new Error(`the action has no input ${name}`);
    return inputs[name] ?? declared.default;
  });
}

let runs = 0;
function perform(inputs: Readonly<Record<string, string>>) {
  const temp = join(rig.dir, `runner-${++runs}`);
  mkdirSync(temp);
  const [output, summary] = [join(temp, "output"), join(temp, "summary")];
  let [code, stdout, stderr] = [0, "", ""];
  for (const step of action.runs.steps) {
    if (step.run === undefined || code !== 0) continue;
    const script = join(temp, "step.sh");
    writeFileSync(script, step.run);
    const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, filled(text, inputs)]));
    const ended = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", script], {
      cwd: join(rig.project, filled(step["working-directory"] ?? ".", inputs)),
      env: {
        ...rig.environment(env),
        GITHUB_ACTION_PATH: root,
        GITHUB_ACTIONS: "true",
        GITHUB_WORKSPACE: rig.project,
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        RUNNER_TEMP: temp,
      },
      encoding: "utf8",
      timeout: 120_000,
    });
    code = ended.status ?? -1;
    stdout += ended.stdout;
    stderr += ended.stderr;
  }
  const lines = `${stdout}${stderr}`.split("\n");
  const textOf = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const outputs = Object.fromEntries(
    textOf(output)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  return { code, stdout, commands: lines.filter((line) => /^\s*::/.test(line)), outputs, summary: textOf(summary) };
}

test("is composite, and every output is one its step sets", () => {
  expect(action.runs.using).toBe("composite");
  for (const { value } of Object.values(action.outputs))
    expect(value).toMatch(/^\$\{\{ steps\.runbook\.outputs\.[a-z-]+ \}\}$/);
  for (const { run = "", shell } of action.runs.steps.filter((step) => step.run !== undefined)) {
    expect(shell).toBe("bash");
    expect(run).not.toContain("${{");
  }
});

test("validates, with annotations for the files of the pull request", () => {
  expect(perform({})).toMatchObject({ code: 0, outputs: { "exit-code": "0" } });
  rig.write("runbooks/broken.yaml", "apiVersion: runbook/v1\nname: broken\n");
  const { code, stdout, outputs } = perform({ command: "validate" });
  rmSync(join(rig.project, "runbooks/broken.yaml"));
  expect([code, outputs["exit-code"]]).toEqual([3, "3"]);
  expect(stdout).toMatch(/^::error file=runbooks\/broken\.yaml/m);
});

const given = () => `word=two words; $(id) \`id\` "q"\nledger=${rig.ledgerFile}\ngates=${join(rig.dir, "gates")}\n`;

test("plans without running anything", () => {
  const { code, stdout } = perform({ command: "plan", runbook: "say", target: "here", inputs: given() });
  expect(code).toBe(0);
  expect(stdout).toContain("say 1.0.0 → here");
  expect(rig.runs()).toEqual([]);
});

test("runs, gives the run's id, result and report, and no word of an input is read by the shell", () => {
  const { code, outputs, summary, commands } = perform({
    command: "run",
    runbook: "say",
    target: "here",
    inputs: given(),
  });
  expect(code).toBe(0);
  expect(outputs).toMatchObject({ result: "succeeded", "exit-code": "0", "run-id": rig.runs()[0] });
  expect(rig.file(outputs["run-id"] ?? "", "logs/say.1.log")).toBe('two words; $(id) `id` "q"\n');
  expect(readFileSync(outputs["report"] ?? "", "utf8")).toContain("# Test say: PASSED");
  expect(summary.match(/^# Test say: PASSED/gm)).toHaveLength(1);
  expect(commands).toEqual([]);
});

test("a run that fails fails the job, names the line, and what it printed is no command to the runner", () => {
  const inputs = given().replace(/^word=.*$/m, "word=::error::pwned");
  const { code, outputs, summary, commands } = perform({ command: "run", runbook: "say", target: "here", inputs });
  expect([code, outputs["exit-code"], outputs["result"]]).toEqual([1, "1", "failed"]);
  expect(commands).toEqual([expect.stringMatching(/^::error file=runbooks\/say\.yaml,line=\d+,title=say%3A say::/)]);
  expect(summary).toContain("Say it");
});

test.each([
  [{ command: "abort" }, /command must be validate, plan or run/],
  [{ command: "validate", version: "0.0" }, /this is runbook \d+\.\d+\.\d+, and the workflow expects 0\.0/],
])("%j is refused before anything is called", (inputs, said) => {
  const { code, outputs, stdout } = perform(inputs);
  expect([code, outputs]).toEqual([2, {}]);
  expect(stdout).toMatch(said);
});

test("the version that is expected may be a whole one or its beginning", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  for (const expected of [version, version.replace(/\.\d+$/, "")])
    expect(perform({ command: "validate", version: expected }).code).toBe(0);
});
