import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "./catalogue.ts";

const head = `apiVersion: runbook/v1
name: example
version: 1.0.0
title: Example
owner: team
kind: audit
description: d
`;

function problems(
  text: string,
  options: { config?: string; includes?: Record<string, string> } = {},
): readonly string[] {
  const config =
    options.config === undefined
      ? undefined
      : (loadConfig({ file: "runbook.config.yaml", text: options.config }).config ?? undefined);
  const readInclude = (name: string) => {
    const included = options.includes?.[name];
    return included === undefined ? null : { path: `runbooks/${name}.yaml`, text: included };
  };
  const { diagnostics } = loadRunbook({
    file: "runbooks/example.yaml",
    text: head + text,
    catalogue,
    config,
    readInclude,
  });
  return diagnostics.map(
    (d) => `${d.at.file === "runbooks/example.yaml" ? "" : `${d.at.file} `}${d.code}: ${d.message}`,
  );
}

const look = (id: string, more = "", indent = "  ") =>
  `${indent}- id: ${id}\n${indent}  title: Look\n${indent}  uses: http\n${indent}  with: { url: "https://x.example" }\n${more
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `${indent}  ${line}\n`)
    .join("")}`;

describe("the order of steps", () => {
  it("members of a group see those before them by their full path", () => {
    const inside =
      look("one", "outputs: { s: result.status }", "      ") +
      look("two", "verify: [steps.group.steps.one.outputs.s == 200]", "      ");
    expect(problems(`steps:\n  - id: group\n    title: G\n    steps:\n${inside}`)).toEqual([]);
    const reversed =
      look("two", "verify: [steps.group.steps.one.outputs.s == 200]", "      ") +
      look("one", "outputs: { s: result.status }", "      ");
    expect(problems(`steps:\n  - id: group\n    title: G\n    steps:\n${reversed}`)).toEqual([
      'forward-reference: The step "one" has not run yet here.',
    ]);
  });

  it("members of a parallel block do not see each other; later steps see them", () => {
    const inside =
      look("one", "outputs: { s: result.status }", "      ") +
      look("two", "verify: [steps.both.steps.one.outputs.s == 200]", "      ");
    const after = look("after", "verify: [steps.both.steps.one.outputs.s == 200]");
    expect(problems(`steps:\n  - id: both\n    title: B\n    parallel:\n${inside}${after}`)).toEqual([
      'forward-reference: "one" runs at the same time.',
    ]);
  });

  it("a step is not read inside itself, nor before any step has run", () => {
    expect(
      problems(
        `concurrency: x/\${{ steps.a.status }}\nsteps:\n${look("a", "outputs: { s: result.status }\nverify: [steps.a.outputs.s == 200]")}`,
      ),
    ).toEqual([
      'forward-reference: No step has run when "concurrency" is read.',
      'forward-reference: "steps.a" is this step itself.',
    ]);
  });

  it("outputs of a step that may be skipped need a test, here or in the if", () => {
    const first = look("a", "if: target.protected\noutputs: { s: result.status }");
    expect(problems(`steps:\n${first}${look("b", "verify: [steps.a.outputs.s > 1]")}`)).toEqual([
      "maybe-null: steps.a.outputs.s may be null here.",
    ]);
    expect(
      problems(`steps:\n${first}${look("b", 'if: steps.a.status == "succeeded"\nverify: [steps.a.outputs.s > 1]')}`),
    ).toEqual([]);
    expect(
      problems(`steps:\n${first}${look("b", "verify: ['steps.a.outputs.s == null || steps.a.outputs.s > 1']")}`),
    ).toEqual([]);
  });

  it("inside the group that may be skipped its members did run", () => {
    const inside =
      look("one", "outputs: { s: result.status }", "      ") +
      look("two", "verify: [steps.group.steps.one.outputs.s > 1]", "      ");
    const group = `steps:\n  - id: group\n    title: G\n    if: target.protected\n    steps:\n${inside}`;
    expect(problems(group)).toEqual([]);
    expect(problems(group + look("after", "verify: [steps.group.steps.one.outputs.s > 1]"))).toEqual([
      "maybe-null: steps.group.steps.one.outputs.s may be null here.",
    ]);
  });

  it("in always no step is sure to have run", () => {
    const steps = `steps:\n${look("a", "outputs: { s: result.status }")}always:\n`;
    expect(problems(steps + look("z", "verify: [steps.a.outputs.s > 1]"))).toEqual([
      "maybe-null: steps.a.outputs.s may be null here.",
    ]);
    expect(problems(steps + look("z", 'if: steps.a.status != "pending"'))).toEqual([]);
  });

  it("an undo step sees what its step gave as perhaps missing, and not what comes later", () => {
    const undo = (that: string) => `steps:
  - id: change
    title: C
    uses: fly/deploy
    with: { app: a, image: b }
    outputs: { image: result.image }
    rollback:
${look("back", `verify: ['${that}']`, "      ")}${look("later", "outputs: { s: result.status }")}`;
    expect(problems(undo("steps.change.outputs.image.size() > 1"))).toEqual([
      "maybe-null: steps.change.outputs.image may be null here.",
    ]);
    expect(problems(undo("steps.later.outputs.s == 1"))).toEqual([
      'forward-reference: The step "later" has not run yet here.',
    ]);
  });

  it("a forEach binds its item and makes lists of its outputs", () => {
    const each = look(
      "each",
      'forEach: { in: "${{ inputs.hosts }}", as: host }\noutputs: { s: result.status }\nverify: ["host != null && index >= 0"]',
    );
    const inputs = "inputs: { hosts: { type: array, items: { type: string }, default: [a] } }\n";
    expect(problems(`${inputs}steps:\n${each}${look("after", "verify: [size(steps.each.outputs.s) > 1]")}`)).toEqual(
      [],
    );
    expect(problems(`${inputs}steps:\n${each.replace("host != null", "host > 3")}`)[0]).toMatch(
      /^cel-type: ">" does not work between a string/,
    );
    expect(problems(`${inputs}steps:\n${each}${look("after", "verify: [host == 1]")}`)).toEqual([
      'unknown-reference: There is no "host" here.',
    ]);
    expect(problems(`${inputs}steps:\n${each}${look("after", "verify: [steps.each.outputs.s > 1]")}`)[0]).toMatch(
      /^cel-type: /,
    );
  });
});

describe("names", () => {
  it.each(["true", "in", "null"])("%s is no id", (id) => {
    expect(problems(`steps:\n${look(`"${id}"`)}`)).toEqual([`bad-id: "${id}" is a word of the expression language.`]);
  });

  it.each(["result", "while", "inputs"])("%s is no name of an item", (as) => {
    expect(problems(`steps:\n${look("a", `forEach: { in: "\${{ lines('a') }}", as: ${as} }`)}`)).toContain(
      `bad-id: "${as}" has a meaning in expressions already.`,
    );
  });

  it("ids of guards, steps and always are one list; groups have their own", () => {
    const text = `guards:\n${look("a")}steps:\n${look("b")}  - id: g\n    title: G\n    steps:\n${look("b", "", "      ")}always:\n${look("a")}`;
    expect(problems(text)).toEqual(['duplicate-id: The id "a" is taken.']);
  });
});

describe("used runbooks", () => {
  const other = head.replace("name: example", "name: other");
  const uses = `steps:\n  - id: o\n    title: O\n    uses: runbook/other\n`;

  it("are loaded with their own diagnostics", () => {
    expect(problems(uses, { includes: { other: `${other}steps:\n${look("a", "timout: 1m")}` } })).toEqual([
      'runbooks/other.yaml unknown-key: A step has no key "timout".',
    ]);
  });

  it("may not form a circle", () => {
    expect(
      problems(uses, { includes: { other: `${other}steps:\n  - id: e\n    title: E\n    uses: runbook/example\n` } }),
    ).toEqual(["runbooks/other.yaml include-cycle: The runbook includes itself: example → other → example."]);
  });

  it("are given values that fit, for targets they are written for", () => {
    const text = `${other}inputs: { n: { type: integer, maximum: 3, default: 1 } }\ntargets: [one]\nsteps:\n${look("a", "if: inputs.n > 1")}`;
    expect(problems(`targets: [one, two]\n${uses}    with: { n: 5 }\n`, { includes: { other: text } })).toEqual([
      'unknown-target: "other" is not written for two.',
      "bad-value: 5 is above the maximum 3.",
    ]);
  });

  it("are given their secrets, and must be given the target's variables they read", () => {
    const used = `${other}secrets: [TOKEN]\nsteps:\n  - id: r\n    title: R\n    run: date\n    effects: read\n    env: { T: "\${{ secrets.TOKEN }}" }\n`;
    expect(problems(uses, { includes: { other: used } })).toEqual([]);
    expect(problems(`secrets: [TOKEN]\n${uses}`, { includes: { other: used } })).toEqual([]);
    const config = "apiVersion: runbook/v1\ntargets: { one: {} }\n";
    const variable = `${other}targets: { one: { db: shop } }\nsteps:\n  - id: r\n    title: R\n    run: createdb \${{ target.db }}\n    effects: read\n`;
    expect(problems(`targets: [one]\n${uses}`, { config, includes: { other: variable } })).toEqual([
      'target-variable: "other" reads target.db, which one does not set here.',
    ]);
    expect(problems(`targets: { one: { db: other } }\n${uses}`, { config, includes: { other: variable } })).toEqual([]);
  });

  it("may bring the approval, or the write that needs one", () => {
    const config =
      "apiVersion: runbook/v1\ntargets: { one: { protected: true } }\npolicy: { approvers: { ops: [{ name: a, key: k }] } }\n";
    const approve = "  - id: ok\n    title: Ok\n    uses: approval\n    with: { prompt: Go?, from: [ops] }\n";
    const write = "  - id: w\n    title: W\n    run: touch x\n    effects: write\n    idempotent: true\n";
    const included = (steps: string) => ({ config, includes: { other: `${other}steps:\n${steps}` } });
    expect(problems(`targets: [one]\n${uses}`, included(approve + write))).toEqual([]);
    expect(problems(`targets: [one]\n${uses}`, included(write))).toEqual([
      "no-approval: The first write on one comes without an approval before it.",
    ]);
    expect(problems(`targets: [one]\n${uses}`, included(look("a")))).toEqual([]);
  });

  it.each([
    ["in order", "[ASK, WRITE]", true],
    ["in a group of their own", "[{ id: g, title: G, steps: [ASK] }, WRITE]", true],
    ["asked beside reads", "[{ id: g, title: G, parallel: [ASK, READ] }, WRITE]", true],
    ["asked of every item", "[{ id: g, title: G, forEach: EACH, steps: [ASK, WRITE] }]", true],
    ["skipped elsewhere", "[{ id: g, title: G, if: target.protected, steps: [ASK] }, WRITE]", true],
    ["asked of items there may be none of", "[{ id: g, title: G, forEach: EACH, steps: [ASK] }, WRITE]", false],
    ["in a group that may be skipped", "[{ id: g, title: G, if: inputs.sure, steps: [ASK] }, WRITE]", false],
    ["asked beside the write", "[{ id: g, title: G, parallel: [ASK, WRITE] }]", false],
  ])("an approval comes before the write: %s", (_, steps, isThere) => {
    const config =
      "apiVersion: runbook/v1\ntargets: { one: { protected: true } }\npolicy: { approvers: { ops: [{ name: a, key: k }] } }\n";
    const text = steps
      .replace("ASK", '{ id: ok, title: Ok, uses: approval, with: { prompt: "Go?", from: [ops] } }')
      .replace("WRITE", "{ id: w, title: W, run: touch x, effects: write, idempotent: true }")
      .replace("READ", "{ id: r, title: R, run: ls, effects: read }")
      .replace("EACH", '{ in: "${{ inputs.list }}", as: n }');
    const inputs = "inputs: { sure: { type: boolean, default: true }, list: { type: array, default: [] } }";
    const found = problems(`targets: [one]\n${inputs}\nsteps: ${text}\n`, { config });
    expect(found.some((problem) => problem.startsWith("no-approval"))).toBe(!isThere);
  });

  it("are read once and give their files", () => {
    const file = `${other}steps:\n  - id: s\n    title: S\n    uses: script\n    with: { file: ./scripts/x.sh }\n    effects: read\n`;
    const text = `${head}${uses}  - id: p\n    title: P\n    uses: runbook/other\n`;
    let reads = 0;
    const loaded = loadRunbook({
      file: "runbooks/example.yaml",
      text,
      catalogue,
      readInclude: () => {
        reads++;
        return { path: "runbooks/other.yaml", text: file };
      },
    });
    expect(loaded.diagnostics).toEqual([]);
    expect([reads, loaded.includes.map((i) => i.path), loaded.files]).toEqual([
      1,
      ["runbooks/other.yaml"],
      ["scripts/x.sh"],
    ]);
  });
});

it("a sensitive input is not a word of a command", () => {
  const text =
    "inputs: { pin: { type: string, required: true, sensitive: true } }\nsteps:\n  - id: a\n    title: A\n    effects: read\n";
  expect(problems(`${text}    run: login \${{ inputs.pin }}\n`)).toEqual([expect.stringMatching(/^secret-position: /)]);
  expect(problems(`${text}    run: login\n    env: { PIN: "\${{ inputs.pin }}" }\n`)).toEqual([]);
});

describe("known-wrong commands", () => {
  it.each([
    ["fly releases rollback -a shop", 'fly releases" has no "rollback'],
    ["fly -a shop releases rollback", 'fly releases" has no "rollback'],
    ["flyctl releases rollback", 'fly releases" has no "rollback'],
    ["fly logs --tail", 'has no "--tail"'],
    ["fly logs -a shop", 'never ends without "--no-tail"'],
    ["fly deploy --env production", "no NAME=VALUE"],
    ["supabase db seed", 'has no "seed"'],
    ["gh run watch 1", "exits 0 even when"],
    ["psql -f x.sql", "exits 0 after an error"],
  ])("%s", (command, said) => {
    const found = problems(`steps:\n  - id: a\n    title: A\n    run: ${command}\n    effects: read\n`);
    expect(found).toEqual([expect.stringContaining(said)]);
    const script = problems(
      `steps:\n  - id: a\n    title: A\n    uses: script\n    effects: read\n    with:\n      script: |\n        set -u\n        ${command} || true\n`,
    );
    expect(script).toEqual([expect.stringContaining(said)]);
  });

  it.each([
    "fly deploy --env MODE=production --image x",
    "fly logs --no-tail",
    "psql -v ON_ERROR_STOP=1 -f x.sql",
    "psql --version",
    "gh run watch 1 --exit-status",
  ])("%s is fine", (command) => {
    expect(problems(`steps:\n  - id: a\n    title: A\n    run: ${command}\n    effects: read\n`)).toEqual([]);
  });
});

describe("the project file", () => {
  it("relaxes a missing way back only where every listed target does", () => {
    const step = "steps:\n  - id: a\n    title: A\n    run: touch x\n    effects: write\n";
    const config = "apiVersion: runbook/v1\ntargets: { one: {}, two: {} }\npolicy: { reversibility: { one: warn } }\n";
    const severity = (targets: string) =>
      loadRunbook({
        file: "runbooks/example.yaml",
        text: `${head}targets: ${targets}\n${step}`,
        catalogue,
        config: loadConfig({ file: "c", text: config }).config!,
      }).diagnostics.map((d) => [d.code, d.severity]);
    expect(severity("[one]")).toEqual([["no-way-back", "warning"]]);
    expect(severity("[one, two]")).toEqual([["no-way-back", "error"]]);
  });

  it.each([
    [
      "targets: { a: {} }\nwindows: { w: { hours: 09:00-17:00, timezone: Europe/Atlantis } }",
      'bad-value: "Europe/Atlantis" is not a time zone.',
    ],
    [
      "targets: { a: {} }\nwindows: { w: { hours: 09:00-17:00, timezone: UTC, holidays: [2026-02-30] } }",
      'bad-value: "2026-02-30" is not a day of the calendar.',
    ],
    [
      "targets: { a: {} }\nwindows: { w: { hours: 9-17, timezone: UTC } }",
      'bad-value: "9-17" is not a value of "hours".',
    ],
    ["targets: { a: {} }\nsecrets: [{ type: file, mount: x }]", 'key-not-allowed: "mount" cannot stand here.'],
    ["targets: { a: {} }\npolicy: { reversibility: { b: warn } }", 'unknown-target: There is no target "b".'],
    ["targets: { a: { protected: yes } }", 'wrong-type: "protected" must be true or false, not a text.'],
  ])("%s", (text, expected) => {
    const { diagnostics, config } = loadConfig({
      file: "runbook.config.yaml",
      text: `apiVersion: runbook/v1\n${text}\n`,
    });
    expect(diagnostics.map((d) => `${d.code}: ${d.message}`)).toContain(expected);
    expect(config).toBe(null);
  });
});

describe("files of other tools", () => {
  it.each([
    [
      "a GitHub Actions workflow",
      "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo ${{ github.sha }}\n",
    ],
    ["an Ansible playbook", "- hosts: all\n  tasks:\n    - debug:\n        msg: {{ x }}\n"],
    ["a Docker Compose file", "x: &x { a: 1 }\nservices:\n  web:\n    <<: *x\n    image: nginx\n"],
    ["a Kubernetes manifest", "apiVersion: v1\nkind: Pod\nmetadata: { name: x }\n---\napiVersion: v1\n"],
    ["a GitLab CI pipeline", "stages: [a]\njob:\n  stage: a\n  script:\n    - ls\n"],
    ["a project file (runbook.config.yaml)", "targets: { a: {} }\npolicy: {}\n"],
  ])("%s", (what, text) => {
    const { diagnostics } = loadRunbook({ file: "x.yaml", text, catalogue });
    expect(diagnostics.map((d) => [d.code, d.message])).toEqual([["not-a-runbook", `This looks like ${what}.`]]);
  });
});
