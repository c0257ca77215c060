/** What a wrong word, a missing value or a broken file is answered with: its code, what to type next, and no run. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { CliRig, documentOf } from "../rig/cli-rig.ts";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "shop", shipped: ["rollback-production", "smoke-tests", "deploy-staging"] });
  rig.write(
    "runbooks/broken.yaml",
    `apiVersion: runbook/v1
name: broken
version: 1.0.0
title: Broken in two places
owner: team
kind: maintenance
description: A test.
targets: [local]
steps:
  - id: first
    title: A type that does not exist
    uses: htpp
    with: { url: "http://127.0.0.1/" }
  - id: second
    title: A shell where there is none
    run: echo one | cat
    effects: read
`,
  );
});
afterEach(() => expect(rig.runs()).toEqual([]));
afterAll(() => rig.end());

/** `next`: the command to type instead, without what the test itself adds. */
const cases: { name: string; args: string[]; says: RegExp[]; next?: string }[] = [
  {
    name: "an unknown flag",
    args: ["run", "rollback-production", "--traget", "local"],
    says: [/"--traget" is not a flag of run/, /Did you mean "--target"\?/],
  },
  {
    name: "an unknown verb",
    args: ["rnu", "rollback-production"],
    says: [/"rnu" is not a verb/, /Did you mean "run"\?/],
  },
  {
    name: "another tool's word for a verb",
    args: ["retry", "last"],
    says: [/"retry" is not a verb. Did you mean "resume"\?/],
    next: "runbook resume --help",
  },
  {
    name: "an unknown runbook",
    args: ["run", "rollback-productoin", "-t", "local"],
    says: [/no runbook "rollback-productoin"/, /Did you mean "rollback-production"\?/],
  },
  {
    name: "an unknown target",
    args: ["run", "rollback-production", "-t", "locale", "-i", "reason=why"],
    says: [/"locale"/, /Did you mean "local"\?/],
    next: "runbook plan rollback-production -t local -i reason=why",
  },
  {
    name: "no target",
    args: ["run", "rollback-production", "-i", "reason=why"],
    says: [/which target\?/, /local, staging, production/],
    next: "runbook plan rollback-production -t local -i reason=why",
  },
  {
    name: "two missing inputs",
    args: ["run", "deploy-staging", "-t", "local"],
    says: [/-i image=…/, /-i reason=…/],
    next: "runbook run deploy-staging -t local -i image=… -i reason=…",
  },
  {
    name: "an input missing beside one with blanks and a dollar sign",
    args: ["run", "deploy-staging", "-t", "local", "-i", "reason=it's $5 off"],
    says: [/-i image=…/],
    next: "runbook run deploy-staging -t local -i image=… -i reason='it'\\''s $5 off'",
  },
  {
    name: "invalid inputs, all at once",
    args: ["run", "rollback-production", "-t", "local", "-i", "reason=x", "-i", "incident=482", "-i", "realese=v41"],
    says: [
      /-i reason: "x" is shorter than 3/,
      /-i incident: "482" does not match/,
      /no input "realese". Did you mean "release"\?/,
    ],
    next: "runbook run rollback-production -t local -i reason=… -i incident=… -i release=v41",
  },
  {
    name: "an unknown step to override",
    args: ["run", "rollback-production", "-t", "local", "-i", "reason=why", "--override", "aprove", "--reason", "x"],
    says: [/no step "aprove"/, /Did you mean "approve"\?/],
  },
  {
    name: "an override without a reason",
    args: ["run", "rollback-production", "-t", "local", "-i", "reason=why", "--override", "approve"],
    says: [/needs --reason/],
    next: 'runbook run rollback-production -t local -i reason=why --override approve --reason "why you do this"',
  },
  {
    name: "a flag of another verb",
    args: ["run", "rollback-production", "--skip", "deploy"],
    says: [/"--skip" is not a flag of run; it is one of resume/],
    next: "runbook resume --help",
  },
  { name: "an unknown run", args: ["status", "rb-zzzzzz"], says: [/no run "rb-zzzzzz"/], next: "runbook history" },
  { name: "an approval where nothing ever ran", args: ["approve"], says: [/there is no run in/], next: "runbook list" },
  {
    name: "an output format that is not there",
    args: ["plan", "rollback-production", "-o", "yaml"],
    says: [/plan prints text, json/],
  },
  {
    name: "a dry run in a format that a plan does not have",
    args: ["run", "rollback-production", "-t", "local", "-i", "reason=why", "--dry-run", "-o", "ndjson"],
    says: [/plan prints text, json/],
  },
  {
    name: "a patience that is no duration",
    args: ["run", "rollback-production", "-t", "local", "-i", "reason=why", "--wait-for-person", "5q"],
    says: [/--wait-for-person 5q: write it as 30s/],
    next: "runbook run rollback-production -t local -i reason=why --wait-for-person 10m",
  },
  {
    name: "a folder that is not there",
    args: ["list", "-C", "nowhere"],
    says: [/-C nowhere: there is no such folder/],
  },
  {
    name: "an inputs file that is not there",
    args: ["plan", "rollback-production", "-t", "local", "-f", "in.yaml"],
    says: [/--inputs-file \S*in\.yaml: there is no such file/],
  },
  {
    name: "runs since nobody knows when",
    args: ["trend", "smoke-tests", "--since", "soon"],
    says: [/write it as 24h/],
  },
];

describe("exit 2, and what would have been right", () => {
  test.each(cases)("$name", async ({ args, says, next }) => {
    if (!args.includes("-o")) args = [...args, "-o", "json"];
    const ran = await rig.run(["--no-input", ...args]);
    expect(ran.code).toBe(2);
    for (const pattern of says) expect(ran.stderr).toMatch(pattern);
    if (!args.includes("json")) return expect(ran.stdout).toBe("");
    const document = documentOf<{ format: string; message: string; next: string }>(ran);
    expect(document).toMatchObject({ format: "runbook.error/1.0", exitCode: 2, exitName: "usage" });
    for (const pattern of says) expect(document.message).toMatch(pattern);
    const typed = document.next.replace(/ (--no-input|-o json)\b/g, "");
    if (next !== undefined) expect(typed).toBe(next);
    // Ready to paste: a shell makes words of it that the command line knows.
    const [program, ...words] = execFileSync("/bin/sh", ["-c", `printf '%s\\0' ${document.next}`], { encoding: "utf8" })
      .split("\0")
      .slice(0, -1);
    expect(program).toBe("runbook");
    expect(() => parseArguments(words)).not.toThrow();
  });
});

test("a broken runbook is exit 3 with every problem in its frame, and nothing ran", async () => {
  const text = await rig.run(["run", "broken", "-t", "local", "--no-input"]);
  expect(text.code).toBe(3);
  expect(text.stdout).toBe("");
  expect(text.stderr).toContain("runbooks/broken.yaml:12:11  error  unknown-step-type");
  expect(text.stderr).toContain(
    '    uses: htpp\n     |           ^^^^ "htpp" is not a step type. Did you mean "http"?',
  );
  expect(text.stderr).toContain("runbooks/broken.yaml:16:19  error  shell-in-run");
  expect(text.stderr).toContain("2 errors; nothing ran");
  const json = await rig.run(["run", "broken", "-t", "local", "--no-input", "-o", "json"]);
  expect(json.code).toBe(3);
  expect(documentOf(json)).toMatchObject({
    format: "runbook.diagnostics/1.0",
    errors: 2,
    diagnostics: [
      { code: "unknown-step-type", file: "runbooks/broken.yaml", range: { start: { line: 12, column: 11 } } },
      { code: "shell-in-run", range: { start: { line: 16 } } },
    ],
  });
});

test("a broken project file is exit 3 at its place", async () => {
  const other = new CliRig({ shipped: ["smoke-tests"] });
  try {
    other.write("runbook.config.yaml", "apiVersion: runbook/v1\ntargets:\n  local: { sandbox: yes please }\n");
    const ran = await other.run(["run", "smoke-tests", "-t", "local", "--no-input"]);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("runbook.config.yaml:3:");
    expect(other.runs()).toEqual([]);
  } finally {
    await other.end();
  }
});

describe("a plan executes nothing", () => {
  const rollBack = ["rollback-production", "-t", "local", "-i", "reason=bad release"];

  test("run --dry-run gives the bytes and the code of plan, and neither makes a run or starts the platform", async () => {
    for (const output of [[], ["-o", "json"]]) {
      const [plan, dry] = await Promise.all([
        rig.run(["plan", ...rollBack, ...output]),
        rig.run(["run", ...rollBack, ...output, "--dry-run"]),
      ]);
      expect(plan.code).toBe(0);
      expect(dry).toMatchObject({ code: 0, stdout: plan.stdout });
    }
    const { document } = await rig.json<PlanDocument>(["plan", ...rollBack]);
    expect(document).toMatchObject({ format: "runbook.plan/1.0", decision: "ready", writes: 3, destructive: 0 });
    const deploy = document.steps.find((step) => step.path === "deploy");
    expect(deploy?.unknown).toContainEqual({ expr: "steps.choose.outputs.image", from: "choose" });
    expect(deploy?.action).toContain("fly deploy --app shop --image ‹known after choose›");
    expect(existsSync(join(rig.stateDir, "sandbox"))).toBe(false);
    expect(rig.processes()).toEqual([]);
  });

  test("a missing input is exit 2 for one runbook and an unknown for all of them", async () => {
    const one = await rig.run(["plan", "deploy-staging", "-t", "local"]);
    expect(one.code).toBe(2);
    expect(one.stderr).toMatch(/-i image=… -i reason=…/);
    const whole = await rig.run(["plan", "--all", "-o", "json"]);
    expect(whole.code).toBe(3); // because of broken.yaml
    const other = new CliRig({ fixture: "shop", shipped: ["rollback-production", "deploy-staging"] });
    try {
      const all = await other.json<{ format: string; plans: PlanDocument[] }>(["plan", "--all"]);
      expect(all.code).toBe(0);
      expect(all.document.format).toBe("runbook.plans/1.0");
      expect(all.document.plans.map((plan) => `${plan.runbook} ${plan.target}`)).toEqual([
        "deploy-staging local",
        "deploy-staging staging",
        "rollback-production local",
        "rollback-production staging",
        "rollback-production production",
      ]);
      const unknown = all.document.plans[0]?.steps.find((step) => step.path === "deploy")?.unknown;
      expect(unknown).toContainEqual({ expr: "inputs.image", from: "inputs.image" });
      expect(existsSync(other.stateDir)).toBe(false);
    } finally {
      await other.end();
    }
  });

  test("no runbook at all is exit 3", async () => {
    const empty = new CliRig({ fixture: "shop" });
    try {
      expect(await empty.run(["plan", "--all"])).toMatchObject({ code: 3, stdout: "" });
    } finally {
      await empty.end();
    }
  });
});

interface PlanDocument {
  readonly runbook: string;
  readonly target: string;
  readonly steps: readonly { readonly path: string; readonly action: string; readonly unknown: readonly object[] }[];
}
