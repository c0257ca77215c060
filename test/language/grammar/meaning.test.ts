/** What a right text means: shorthands written out, durations, defaults, who wins. */
import { describe, expect, it } from "vitest";
import { evaluateExpression } from "../../../src/language/cel/index.ts";
import { loadConfig } from "../../../src/language/load-config.ts";
import { loadRunbook } from "../../../src/language/load-runbook.ts";
import type { Runbook, Step } from "../../../src/language/runbook.ts";
import { resolveTemplate } from "../../../src/language/template.ts";
import { catalogue } from "../catalogue.ts";
import { documentOf } from "./rule.ts";

function loaded(text: string, project?: string, includes: Readonly<Record<string, string>> = {}): Runbook {
  const config = project === undefined ? undefined : loadConfig({ file: "c", text: project }).config!;
  const readInclude = (name: string) =>
    includes[name] === undefined ? null : { path: `runbooks/${name}.yaml`, text: includes[name] };
  const { runbook, diagnostics } = loadRunbook({ file: "runbooks/example.yaml", text, catalogue, config, readInclude });
  expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
  return runbook!;
}

function only(step: string): Step {
  return loaded(documentOf("", `steps:\n  - id: a\n    title: A\n${step.replace(/^(?=.)/gm, "    ")}\n`)).steps[0]!;
}

const minute = 60_000;

describe("a step", () => {
  it.each([
    ["uses: eval", 30_000],
    ["uses: eval\ntimeout: 2m", 2 * minute],
    ["uses: approval\nwith: { prompt: Go?, expires: 24h }", null],
    ["uses: manual\nwith: { instructions: Do it }", null],
    ["uses: checkpoint\nwith: { question: Go? }", null],
    ["uses: approval\nwith: { prompt: Go?, expires: 24h }\ntimeout: 1h", 60 * minute],
    ["steps: [{ id: b, title: B, uses: eval }]", null],
    ["timeout: 1h\nsteps: [{ id: b, title: B, uses: eval }]", 60 * minute],
  ])("has a limit: %s", (text, expected) => {
    expect(only(text).timeoutMs).toBe(expected);
  });

  it("retry: 3 is three attempts in all, with pauses that grow", () => {
    expect(only("retry: 3\nuses: eval").retry).toEqual({
      attempts: 3,
      delayMs: 1000,
      backoff: 2,
      jitter: true,
      on: [],
    });
    expect(
      only('retry: { attempts: 2, delay: 5s, backoff: 1, jitter: false, on: ["exit:75"] }\nuses: eval').retry,
    ).toEqual({ attempts: 2, delayMs: 5000, backoff: 1, jitter: false, on: ["exit:75"] });
    expect(only("uses: eval").retry.attempts).toBe(1);
  });

  it.each([
    ["run: date\neffects: read", "retry"],
    ["run: date\neffects: write\nidempotent: true", "retry"],
    ["run: date\neffects: write\nirreversible: Stays.", "ask"],
    ["run: date\neffects: write\nirreversible: Stays.\ncheck: { run: date, that: result.exitCode == 0 }", "check"],
    ["run: date\neffects: write\nidempotent: true\ncheck: { run: date, that: result.exitCode == 0 }", "check"],
    ["run: date\neffects: write\nirreversible: Stays.\nonInterrupted: retry", "retry"],
    ["run: date\neffects: read\nonInterrupted: ask", "ask"],
  ])("interrupted: %s", (text, expected) => {
    expect(only(text).onInterrupted).toBe(expected);
  });

  it.each([
    ["uses: fly/deploy\nwith: { app: a, image: b }\nirreversible: Stays.", "write"],
    ["uses: fly/deploy\nwith: { app: a, image: b }\nirreversible: Stays.\neffects: destructive", "destructive"],
    ["uses: eval\neffects: write\nirreversible: Stays.", "write"],
    [
      "steps:\n  - { id: b, title: B, uses: eval }\n  - { id: c, title: C, run: rm x, effects: destructive, idempotent: true }",
      "destructive",
    ],
    ["parallel:\n  - { id: b, title: B, uses: eval }\n  - { id: c, title: C, run: date, effects: read }", "read"],
  ])("effects: %s", (text, expected) => {
    expect(only(text).effects).toBe(expected);
  });

  it("run is split into words once; quotes group, a hole is part of its word", () => {
    expect(only("run: fly -a 'my app' --image=${{ target.name }}/x\neffects: read").action).toEqual({
      kind: "run",
      argv: ["fly", "-a", "my app", "--image=${{ target.name }}/x"],
    });
    expect(only('run: [fly, "a b", "c\\"d"]\neffects: read').action).toEqual({
      kind: "run",
      argv: ["fly", "a b", 'c"d'],
    });
  });

  it("forEach, until, verify, objective and the rest", () => {
    const step = only(`uses: http
with: { url: "https://x.example" }
forEach: { in: "\${{ lines('a') }}", as: host, max: 10, maxFailures: 5% }
until: { that: result.status == 200, timeout: 1h30m }
verify: [result.status == 200, { that: result.body != "", severity: warning }]
continueOnFailure: true
note: Look`);
    expect(step).toMatchObject({
      forEach: { in: "${{ lines('a') }}", as: "host", max: 10, maxFailures: "5%" },
      until: { everyMs: 2000, timeoutMs: 90 * minute, backoff: 1 },
      verify: [
        { that: "result.status == 200", message: null, severity: "error", show: null },
        { that: 'result.body != ""', message: null, severity: "warning", show: null },
      ],
      continueOnFailure: true,
      note: "Look",
      override: "never",
      budgetMs: null,
    });
    expect(only("uses: eval\nforEach: { in: \"${{ lines('a') }}\", as: x, maxFailures: 2 }").forEach!.maxFailures).toBe(
      "2",
    );
  });

  it("parallel has its bound, groups their condition, budget and limit, at any depth", () => {
    const text = `if: target.protected
budget: 1m
timeout: 5m
steps:
  - id: b
    title: B
    max: 2
    parallel:
      - { id: c, title: C, uses: eval }
      - { id: d, title: D, steps: [{ id: e, title: E, uses: eval }] }`;
    const group = only(text);
    expect(group).toMatchObject({
      if: "target.protected",
      budgetMs: minute,
      timeoutMs: 5 * minute,
      action: { kind: "group" },
    });
    const inner = group.action.kind === "group" ? group.action.steps[0]! : null;
    expect(inner).toMatchObject({ pointer: "/steps/0/steps/0", action: { kind: "parallel", max: 2 } });
    expect(JSON.stringify(inner)).toContain("/steps/0/steps/0/parallel/1/steps/0");
  });
});

describe("a used runbook", () => {
  const other = documentOf(
    "name: other\nkind: deploy\ninputs: { n: { type: integer, default: 1 } }\nguards: [{ id: g, title: G, uses: eval }]",
    'steps:\n  - { id: w, title: "W ${{ inputs.n }}", run: touch x, effects: write, verify: [result.exitCode == 0], rollback: [{ id: u, title: U, run: rm x, effects: write }] }\n',
  );

  it("brings its steps, guards, undo and effects", () => {
    const [step] = loaded(
      documentOf("", "steps: [{ id: o, title: O, uses: runbook/other, with: { n: 2 } }]\n"),
      undefined,
      {
        other,
      },
    ).steps;
    expect(step).toMatchObject({ effects: "write", action: { kind: "runbook", name: "other", with: { n: 2 } } });
    const { runbook } = step!.action as Extract<Step["action"], { kind: "runbook" }>;
    expect([runbook.guards[0]!.id, runbook.steps[0]!.rollback[0]!.id]).toEqual(["g", "u"]);
  });
});

describe("the header", () => {
  it("requires, short and long", () => {
    const text = 'requires: { fly: ">=0.3", psql: { version: ">=15", command: [psql, -V], pattern: "([0-9.]+)" } }';
    expect(loaded(documentOf(text)).requires).toEqual({
      fly: { range: ">=0.3", command: ["fly", "--version"], pattern: null },
      psql: { range: ">=15", command: ["psql", "-V"], pattern: "([0-9.]+)" },
    });
  });

  it("durations, defaults and notifications", () => {
    const text = `budget: PT2M
drill: { every: 13w }
onFailure: rollback
concurrency: a/\${{ target.name }}
objectives: { rto: { target: 5m } }
notify: [{ on: [failed, waiting], uses: http, with: { method: POST, url: "https://x.example" } }]`;
    expect(loaded(documentOf(text))).toMatchObject({
      budgetMs: 2 * minute,
      drillEveryMs: 13 * 7 * 24 * 60 * minute,
      onFailure: "rollback",
      concurrency: "a/${{ target.name }}",
      objectives: { rto: { targetMs: 5 * minute, measure: null } },
      notify: [{ on: ["failed", "waiting"], type: "http", with: { method: "POST" } }],
    });
    expect(loaded(documentOf(""))).toMatchObject({
      onFailure: "stop",
      concurrency: null,
      drillEveryMs: null,
      guards: [],
    });
  });

  it("evidence: the runbook's word wins over the project's", () => {
    const project = "apiVersion: runbook/v1\ntargets: { a: {} }\nevidence: { retention: 30d, artifactsDir: kept }\n";
    const days = 24 * 60 * minute;
    expect(loaded(documentOf("")).evidence).toEqual({
      report: null,
      append: null,
      retentionMs: null,
      artifactsDir: null,
    });
    expect(loaded(documentOf(""), project).evidence).toMatchObject({ retentionMs: 30 * days, artifactsDir: "kept" });
    expect(loaded(documentOf("evidence: { retention: 90d }"), project).evidence).toMatchObject({
      retentionMs: 90 * days,
      artifactsDir: "kept",
    });
  });

  it("variables of the runbook stand beside those of the project, per target", () => {
    const project = "apiVersion: runbook/v1\ntargets: { a: { app: one }, b: { app: two } }\n";
    const text = documentOf(
      'targets: { a: { size: 1 }, b: { size: 2 } }\nenv: { S: "${{ string(target.size) }} ${{ target.app }}" }',
    );
    expect({ ...loaded(text, project).targets }).toEqual({ a: { size: 1 }, b: { size: 2 } });
  });
});

describe("policy", () => {
  const text = (targets: string, kind = "maintenance") =>
    documentOf(
      `kind: ${kind}\ntargets: ${targets}`,
      "steps: [{ id: a, title: A, run: touch x, effects: write, verify: [result.exitCode == 0] }]\n",
    );
  const codes = (source: string, project: string) =>
    loadRunbook({
      file: "runbooks/example.yaml",
      text: source,
      catalogue,
      config: loadConfig({ file: "c", text: `apiVersion: runbook/v1\n${project}` }).config!,
    }).diagnostics.map((d) => `${d.severity} ${d.code}`);

  it("reversibility is per target; one strict target is enough for an error", () => {
    const project = "targets: { a: {}, b: {} }\npolicy: { reversibility: { a: warn, b: error } }\n";
    expect(codes(text("[a]"), project)).toEqual(["warning no-way-back"]);
    expect(codes(text("[b]"), project)).toEqual(["error no-way-back"]);
    expect(codes(text("[a, b]"), project)).toEqual(["error no-way-back"]);
  });

  it("a protected target needs an approval, unless the kind is let off", () => {
    const project =
      "targets: { a: { protected: true } }\npolicy: { noApproval: [backup], reversibility: { a: warn } }\n";
    expect(codes(text("[a]"), project)).toEqual(["error no-approval", "warning no-way-back"]);
    expect(codes(text("[a]", "backup"), project)).toEqual(["warning no-way-back"]);
  });

  it("the cap of attempts is the project's", () => {
    const steps = "steps: [{ id: a, title: A, uses: eval, retry: 5 }]\n";
    expect(codes(documentOf("targets: [a]", steps), "targets: { a: {} }\n")).toEqual(["error retry-above-cap"]);
    expect(codes(documentOf("targets: [a]", steps), "targets: { a: {} }\npolicy: { maxRetries: 5 }\n")).toEqual([]);
  });

  it("any tool may be started without a list", () => {
    const steps = "steps: [{ id: a, title: A, run: terraform plan, effects: read }]\n";
    expect(codes(documentOf("targets: [a]", steps), "targets: { a: {} }\n")).toEqual([]);
    expect(codes(documentOf("targets: [a]", steps), "targets: { a: {} }\npolicy: { tools: [] }\n")).toEqual([
      "error tool-not-allowed",
    ]);
  });
});

describe("the project file", () => {
  it("windows: days, hours, zone, holidays, mode", () => {
    const windows = `windows:
  office: { days: Mon-Fri, hours: 09:00-17:00, timezone: America/Los_Angeles, holidays: ["2026-11-26"], mode: warn }
  night: { days: "Fri-Mon", hours: 22:00-04:00, timezone: UTC }
  some: { days: [Tue, Sun], hours: 00:00-24:00, timezone: Europe/Berlin }
`;
    const { config } = loadConfig({ file: "c", text: `apiVersion: runbook/v1\ntargets: { a: {} }\n${windows}` });
    expect({ ...config!.windows }).toEqual({
      office: {
        days: [1, 2, 3, 4, 5],
        fromMinute: 540,
        toMinute: 1020,
        timezone: "America/Los_Angeles",
        holidays: ["2026-11-26"],
        mode: "warn",
      },
      night: { days: [1, 5, 6, 7], fromMinute: 1320, toMinute: 240, timezone: "UTC", holidays: [], mode: "block" },
      some: { days: [2, 7], fromMinute: 0, toMinute: 1440, timezone: "Europe/Berlin", holidays: [], mode: "block" },
    });
  });

  it("the four providers of secrets, in their order, with their targets", () => {
    const text = `apiVersion: runbook/v1
targets: { a: {}, b: {} }
secrets:
  - { type: command, command: [pass, show], targets: [a] }
  - { type: env }
  - { type: file, dir: vault/x, targets: [b] }
  - { type: vault, address: "https://v.example", mount: kv, path: shop, targets: [a, b] }
`;
    expect(loadConfig({ file: "c", text }).config!.secrets).toEqual([
      { type: "command", command: ["pass", "show"], timeoutMs: 10_000, targets: ["a"] },
      { type: "env", prefix: "RUNBOOK_SECRET_", targets: null },
      { type: "file", dir: "vault/x", targets: ["b"] },
      { type: "vault", address: "https://v.example", mount: "kv", path: "shop", targets: ["a", "b"] },
    ]);
  });

  it("without a word on secrets the environment is asked; an empty list asks nobody", () => {
    const config = (text: string) =>
      loadConfig({ file: "c", text: `apiVersion: runbook/v1\ntargets: { a: {} }\n${text}` }).config!;
    expect(config("").secrets).toEqual([{ type: "env", prefix: "RUNBOOK_SECRET_", targets: null }]);
    expect(config("secrets: []\n").secrets).toEqual([]);
  });
});

describe("holes", () => {
  const evaluate = (expression: string) => evaluateExpression(expression, { x: { y: 1 }, none: null });

  it.each([
    ["$${{ x }}", "${{ x }}"],
    ["a $${{ ${{ x.y }} }}", "a ${{ 1 }}"],
    ["${{ x.y }}", 1],
    ["v${{ x.y }}", "v1"],
    ["${{ x }}", { y: 1 }],
    ["${{ none }}", null],
    ["${{ '}}' }}!", "}}!"],
    ["${{ {'a': {'b': 2}}.a.b }}", 2],
  ])("%s", (text, expected) => {
    expect(resolveTemplate(text, evaluate)).toEqual({ kind: "value", value: expected });
  });

  it("null inside a longer text is an error", () => {
    expect(resolveTemplate("v${{ none }}", evaluate)).toMatchObject({ kind: "error", code: "null-in-string" });
  });
});
