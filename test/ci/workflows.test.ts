/**
 * The workflows, the action and the pre-commit hook: they parse, ask for no more rights than they need, and every command
 * in them is one that our own parser of arguments takes, for runbooks, targets and inputs that exist.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Arguments, parseArguments } from "../../src/cli/arguments.ts";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "../../src/steps/index.ts";
import { runbookCommands } from "./shell-commands.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly permissions?: object;
  readonly "timeout-minutes"?: number;
  readonly environment?: string;
  readonly strategy?: { readonly matrix?: Readonly<Record<string, readonly string[]>> };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const files = readdirSync(join(root, ".github/workflows")).filter((name) => name.endsWith(".yml"));
const workflows = files.map((name) => [name, parse(read(`.github/workflows/${name}`)) as Workflow] as const);
const config = loadConfig({ file: "runbook.config.yaml", text: read("runbook.config.yaml") }).config ?? undefined;

function runbookNamed(name: string) {
  const file = `runbooks/${name}.yaml`;
  expect(existsSync(join(root, file)), `${file} exists`).toBe(true);
  const { runbook } = loadRunbook({
    file,
    text: read(file),
    catalogue,
    config,
    readInclude: (included) => ({ path: `runbooks/${included}.yaml`, text: read(`runbooks/${included}.yaml`) }),
  });
  if (runbook === null) throw new Error(`${file} does not load`);
  return runbook;
}

/** Every step of every job, once for each value of the job's matrix. */
function steps(workflow: Workflow): { readonly step: Step; readonly script: string; readonly job: Job }[] {
  return Object.values(workflow.jobs).flatMap((job) => {
    const [axis, values = []] = Object.entries(job.strategy?.matrix ?? {})[0] ?? ["", [""]];
    return values.flatMap((value) =>
      job.steps.map((step) => ({
        job,
        step,
        script: (step.run ?? "").replaceAll(new RegExp(`\\$\\{\\{\\s*matrix\\.${axis}\\s*\\}\\}`, "g"), value),
      })),
    );
  });
}

test("there are a deployment, a way back, a nightly check and a plan of each pull request", () => {
  expect(files).toEqual(expect.arrayContaining(["ci.yml", "deploy.yml", "nightly.yml", "plan.yml", "rollback.yml"]));
});

describe.each(workflows)("%s", (name, workflow) => {
  test("may only read, ends by itself, and uses actions of a stated version", () => {
    expect(workflow.permissions).toEqual({ contents: "read" });
    for (const job of Object.values(workflow.jobs)) {
      for (const right of Object.values(job.permissions ?? {})) expect(right).toBe("read");
      expect(job["timeout-minutes"]).toBeGreaterThan(0);
      for (const { uses } of job.steps) {
        if (uses === undefined) continue;
        // A tag can be moved by whoever owns it; only GitHub's own are trusted that far.
        expect(uses).toMatch(
          uses.startsWith("actions/") ? /^actions\/[\w-]+@v\d+$/ : /^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40}$/,
        );
      }
    }
  });

  test("installs a stated flyctl wherever runbooks need one", () => {
    for (const { uses, with: given } of steps(workflow).map(({ step }) => step))
      if (uses?.includes("setup-flyctl")) expect(given?.["version"]).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("no pipe hides how a command ended", () => {
    for (const { step, script } of steps(workflow))
      if (/[^|]\|[^|]/.test(script)) expect(step.shell, step.name).toBe("bash");
  });

  test("puts no value of others into the text of a script", () => {
    for (const { step, script } of steps(workflow))
      expect(script, `${name}: ${step.name ?? step.run}`).not.toMatch(/\$\{\{/);
  });

  const commands = steps(workflow).flatMap(({ step, script, job }) =>
    runbookCommands(script).map((words) => ({ words, step, job })),
  );

  test.runIf(commands.length > 0)("calls runbook with verbs, flags, runbooks, targets and inputs that exist", () => {
    for (const { words, step } of commands) {
      const given = parseArguments(words);
      if (given.verb.name !== "run" && given.verb.name !== "plan") continue;
      if (given.on("all")) continue;
      const runbook = runbookNamed(given.words[0] ?? "");
      const saved = given.text("plan") !== undefined;
      if (!saved) expect(Object.keys(runbook.targets)).toContain(given.text("target"));
      const inputs = given.texts("input").map((pair) => pair.split("=")[0] ?? "");
      for (const input of inputs) expect(Object.keys(runbook.inputs)).toContain(input);
      const required = Object.entries(runbook.inputs).filter(([, input]) => input.required);
      if (!saved) expect(inputs).toEqual(expect.arrayContaining(required.map(([input]) => input)));
      expectSecrets(given, runbook.secrets, step);
    }
  });
});

/** What a run needs must be in its environment; on local the sandbox has dummies. */
function expectSecrets(given: Arguments, names: readonly string[], step: Step): void {
  if (given.text("target") === "local") return;
  const env = Object.keys(step.env ?? {});
  for (const name of names) expect(env, `${step.name}: ${given.words[0]}`).toContain(`RUNBOOK_SECRET_${name}`);
}

test.each([
  ["deploy.yml", { staging: "staging" }],
  ["rollback.yml", {}],
])("%s: one environment plans, another approves, a third runs", (name, first) => {
  const { jobs } = parse(read(`.github/workflows/${name}`)) as Workflow;
  expect(Object.fromEntries(Object.entries(jobs).map(([id, job]) => [id, job.environment]))).toEqual({
    ...first,
    plan: "production-plan",
    approve: "production-approval",
    run: "production",
  });
  const keys = Object.entries(jobs).filter(([, job]) => JSON.stringify(job).includes("RUNBOOK_APPROVER_KEY"));
  expect(keys.map(([job]) => job)).toEqual(["approve"]);
  const tokens = Object.entries(jobs).filter(([, job]) => JSON.stringify(job).includes("secrets.FLY_API_TOKEN }}"));
  expect(tokens.map(([job]) => job)).toEqual(["run"]);
});

test("the pre-commit hook is a command that exists", () => {
  const hooks = parse(read(".pre-commit-hooks.yaml")) as {
    id: string;
    entry: string;
    files: string;
    language: string;
  }[];
  for (const hook of hooks) {
    expect(hook.language).toBe("node");
    const [words = []] = runbookCommands(hook.entry);
    expect(() => parseArguments(words)).not.toThrow();
    for (const path of ["runbooks/a.yaml", "runbook.config.yaml"]) expect(path).toMatch(new RegExp(hook.files));
  }
  expect(hooks.map(({ id }) => id)).toEqual(["runbook-validate"]);
});

test("a command that does not exist is seen", () => {
  const [words = []] = runbookCommands('npx runbook run deploy-production --no-such-flag "$X" > out');
  expect(words).toEqual(["run", "deploy-production", "--no-such-flag", "$X"]);
  expect(() => parseArguments(words)).toThrow();
});
