/** Every expression of the language's worked examples, with schemas as their step types publish them. */
import { describe, expect, test } from "vitest";
import { type CheckOptions, checkExpression, evaluateExpression, toJson } from "../../../src/language/cel/index.ts";

const text = { type: "string" };
const whole = { type: "integer" };
const number = { type: "number" };
const maybe = { type: ["string", "null"] };
const time = { type: "string", format: "date-time" };
const map = (properties: object) => ({ type: "object", properties });
const list = (items: object) => ({ type: "array", items });
const step = (outputs: object, more: object = {}) =>
  map({
    status: text,
    startedAt: time,
    finishedAt: time,
    durationMs: whole,
    attempts: whole,
    outputs: map(outputs),
    ...more,
  });
const server = map({ host: text, port: whole, user: text, database: text, purpose: text });
const manifest = list(map({ table: text, rows: whole, checksum: text, rls: { type: "boolean" } }));

const machine = map({ id: text, state: text, image: text });
const variables: CheckOptions["variables"] = {
  inputs: map({ reason: text, incident: maybe, release: maybe, witness: maybe }),
  target: map({ name: text, protected: { type: "boolean" }, app: text, url: text, source: server, scratch: server }),
  run: map({ id: text, slug: text, actor: text, startedAt: time, reason: maybe, dry: { type: "boolean" } }),
  secrets: { type: "object", additionalProperties: text },
  steps: map({
    pre_state: step({ version: whole, image: text }),
    choose: step({ version: whole, image: text }),
    backup: step(
      { takenAt: time, manifest },
      { artifacts: { type: "object", additionalProperties: map({ path: text, bytes: whole, sha256: text }) } },
    ),
    create: step({}),
    restore: step({}),
    compare: step({}),
  }),
  artifacts: { type: "object", additionalProperties: map({ path: text, bytes: whole, sha256: text }) },
  outputs: map({ version: whole, image: text }),
};
const results = {
  fly: map({ version: whole, image: text, machines: list(machine) }),
  http: map({
    status: whole,
    headers: { type: "object", additionalProperties: text },
    body: text,
    json: {},
    durationMs: whole,
  }),
  sample: map({ requests: whole, errors: whole, p50Ms: number, p95Ms: number, p99Ms: number, maxMs: number }),
  dump: map({ takenAt: time, manifest, bytes: whole }),
  sql: map({
    rows: list(map({ table: text, rows: whole, checksum: text, rls: { type: "boolean" } })),
    rowCount: whole,
  }),
};

const rows = [
  { table: "orders", rows: 10, checksum: "a", rls: true },
  { table: "users", rows: 3, checksum: "b", rls: false },
];
const scope = {
  inputs: { reason: "bad deploy", incident: null, release: "v41", witness: null },
  target: {
    name: "local",
    protected: true,
    app: "shop",
    url: "http://127.0.0.1:8080",
    source: { host: "db", port: 5432, user: "r", database: "shop" },
    scratch: { host: "scratch", port: 5433, user: "d", purpose: "scratch" },
  },
  run: { id: "r1", slug: "abc", actor: "a", startedAt: new Date("2026-11-20T10:00:00Z"), reason: null, dry: false },
  secrets: { FLY_API_TOKEN: "t", SLACK_WEBHOOK: "w", SOURCE_PGPASSWORD: "p", SCRATCH_PGPASSWORD: "p" },
  steps: {
    pre_state: { status: "succeeded", outputs: { version: 42, image: "shop:42" } },
    choose: { status: "succeeded", outputs: { version: 41, image: "shop:41" } },
    backup: {
      outputs: { takenAt: "2026-11-20T10:00:05Z", manifest: rows },
      artifacts: { "backup.dump": { path: "artifacts/backup.dump", bytes: 5, sha256: "0" } },
    },
    create: { status: "succeeded" },
    restore: { startedAt: new Date("2026-11-20T10:01:05Z") },
    compare: { finishedAt: new Date("2026-11-20T10:11:05Z") },
  },
  artifacts: { "backup.dump": { path: "artifacts/backup.dump", bytes: 5, sha256: "0" } },
  outputs: { version: 41, image: "shop:41" },
};
const values = {
  fly: { version: 43, image: "shop:41", machines: [{ id: "1", state: "started", image: "shop:41" }] },
  http: { status: 200, headers: {}, body: "", json: { image: "shop:41", status: "ok" }, durationMs: 3 },
  sample: { requests: 40, errors: 0, p50Ms: 2, p95Ms: 12.5, p99Ms: 20, maxMs: 30 },
  dump: { takenAt: "2026-11-20T10:00:05Z", manifest: rows, bytes: 5 },
  sql: { rows, rowCount: 2 },
};

type Row = readonly [string, CheckOptions["expects"], keyof typeof results | null, unknown];

const cases: readonly Row[] = [
  // rollback-production
  ["target.app", "string", null, "shop"],
  ["secrets.FLY_API_TOKEN", "string", null, "t"],
  ["result.version", "any", "fly", 43],
  ['result.image != ""', "boolean", "fly", true],
  ["outputs.image != steps.pre_state.outputs.image", "boolean", null, true],
  ["target.protected", "boolean", null, true],
  ["steps.pre_state.outputs.version", "any", null, 42],
  ["result.image == steps.choose.outputs.image", "boolean", "fly", true],
  ["result.image == steps.pre_state.outputs.image", "boolean", "fly", false],
  ["result.status == 200", "boolean", "http", true],
  ["result.json.image == steps.choose.outputs.image", "boolean", "http", true],
  ['result.json.status == "ok"', "boolean", "http", true],
  ["result.p95Ms < 800", "boolean", "sample", true],
  ["result.requests", "any", "sample", 40],
  // restore-drill
  ["steps.compare.finishedAt - steps.restore.startedAt", "duration", null, "600s"],
  ["steps.restore.startedAt - steps.backup.outputs.takenAt", "duration", null, "60s"],
  ['target.scratch.purpose == "scratch"', "boolean", null, true],
  ["target.scratch.host != target.source.host || !target.protected", "boolean", null, true],
  ["target.source", "object", null, scope.target.source],
  ["result.takenAt", "timestamp", "dump", "2026-11-20T10:00:05Z"],
  ["result.manifest", "array", "dump", rows],
  ['artifacts["backup.dump"].bytes > 0', "boolean", null, true],
  ["size(result.manifest) > 0", "boolean", "dump", true],
  ['steps.backup.artifacts["backup.dump"].path', "string", null, "artifacts/backup.dump"],
  ["run.slug", "string", null, "abc"],
  ["size(steps.backup.outputs.manifest) > 0", "boolean", null, true],
  ["size(result.rows) == size(steps.backup.outputs.manifest)", "boolean", "sql", true],
  [
    "steps.backup.outputs.manifest.all(e, result.rows.exists(a, a.table == e.table\n&& a.rows == e.rows && a.checksum == e.checksum && a.rls == e.rls))",
    "boolean",
    "sql",
    true,
  ],
  ['diff(steps.backup.outputs.manifest, result.rows, "table")', "any", "sql", []],
  ["inputs.witness != null", "boolean", null, false],
  ['steps.create.status != "pending"', "boolean", null, true],
  // go-live
  ["target.name", "string", null, "local"],
];

describe("the examples of the language", () => {
  test.each(cases)("%s", (expression, expects, result, expected) => {
    const types = result === null ? variables : { ...variables, result: results[result] };
    const options = {
      variables: types,
      expects,
      verification: true,
      beside: ["size(steps.backup.outputs.manifest) > 0"],
    };
    expect(checkExpression(expression, options).problems).toEqual([]);
    const found = evaluateExpression(expression, result === null ? scope : { ...scope, result: values[result] });
    expect(found.kind === "value" ? toJson(found.value) : found).toEqual(expected);
  });

  test("holes that are a whole value may be null", () => {
    for (const expression of ["inputs.release", "inputs.incident"]) {
      const options = { variables, expects: "any", nullAllowed: true } as const;
      expect(checkExpression(expression, options).problems).toEqual([]);
    }
  });

  test("the choice of the release to return to", () => {
    const release = (Version: number, Status: string, ImageRef: string) => ({ Version, Status, ImageRef });
    const releases = [
      release(45, "complete", "bad"),
      release(44, "complete", "good"),
      release(43, "failed", "x"),
      release(42, "complete", "bad"),
      release(41, "complete", "older"),
    ];
    const choice =
      'releases.filter(r, r.Status == "complete" && !releases.exists(x, x.ImageRef == live && x.Version <= r.Version))[0]';
    const chosen = evaluateExpression(choice, { releases, live: "bad" });
    expect(chosen).toEqual({ kind: "value", value: releases[4] });
    expect(evaluateExpression(choice, { releases: releases.slice(0, 1), live: "bad" })).toMatchObject({
      kind: "error",
      code: "empty-selection",
      message: "nothing matched the filter (0 of 1)",
    });
    const given = 'inputs.release in [string(r.Version), "v" + string(r.Version)]';
    expect(evaluateExpression(given, { inputs: { release: "v41" }, r: releases[4] })).toEqual({
      kind: "value",
      value: true,
    });
  });
});
