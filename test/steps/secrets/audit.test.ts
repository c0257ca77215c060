/** What an audit finds: by name, by recorded digest or time, and by age. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { secretsAudit } from "../../../src/steps/secrets/audit.ts";
import { secretsRecord } from "../../../src/steps/secrets/record.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "audit-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Now is 2026-11-20T18:00:00Z. */
const host = (now?: string) =>
  rigHost({ workDir: dir, environment: { PATH: process.env["PATH"] ?? "" }, ...(now === undefined ? {} : { now }) });
const fresh = "2026-11-01T00:00:00Z";
const recorded = (secrets: readonly object[], now = "2026-11-10T00:00:00Z", place = "fly shop") =>
  runStep(secretsRecord, { place, secrets: secrets as never }, host(now));

interface Case {
  readonly expected?: readonly object[];
  readonly secrets: readonly object[];
  readonly ignore?: readonly string[];
  readonly place?: string;
}

async function kindsOf({ expected = [{ name: "A", changedAt: fresh }], secrets, ignore, place = "fly shop" }: Case) {
  const places = [{ place, secrets, ...(ignore === undefined ? {} : { ignore }) }];
  const { findings } = await runStep(secretsAudit, { expected, places } as never, host());
  return findings.map((each) => `${each.kind} ${each.name}`);
}

const deployed = { name: "A", digest: "d1", status: "Deployed" };

test("what is there, deployed, recorded and young is in order", async () => {
  await recorded([{ name: "A", digest: "d1" }]);
  expect(await kindsOf({ secrets: [deployed] })).toEqual([]);
});

test.each([
  ["missing", { secrets: [] }, ["missing A"]],
  ["extra", { secrets: [deployed, { ...deployed, name: "B" }] }, ["extra B"]],
  ["staged", { secrets: [{ ...deployed, status: "Staged" }] }, ["staged A"]],
  ["partly deployed", { secrets: [{ ...deployed, status: "Partial" }] }, ["staged A"]],
  ["of unknown status", { secrets: [{ ...deployed, status: null }] }, ["staged A"]],
  ["changed elsewhere", { secrets: [{ ...deployed, digest: "d2" }] }, ["changed-elsewhere A"]],
  [
    "older than the vault's value",
    { expected: [{ name: "A", changedAt: "2026-11-15T00:00:00Z" }], secrets: [deployed] },
    ["stale A"],
  ],
  [
    "a value that must be replaced",
    { expected: [{ name: "A", changedAt: "2026-08-01T00:00:00Z" }], secrets: [deployed] },
    ["old A"],
  ],
  ["ignored", { secrets: [deployed, { ...deployed, name: "B" }], ignore: ["B"] }, []],
  ["not wanted there", { secrets: [], ignore: ["A"] }, []],
  ["of a place nobody recorded", { secrets: [deployed], place: "fly other" }, ["unrecorded A"]],
] as [string, Case, string[]][])("finds what is %s", async (_, given, kinds) => {
  await recorded([{ name: "A", digest: "d1" }]);
  expect(await kindsOf(given)).toEqual(kinds);
});

test("the age of what GitHub lists is its own time; another time than recorded was set by somebody else", async () => {
  const place = "github shop/web";
  const secret = (updatedAt: string) => ({ name: "A", updatedAt });
  expect(await kindsOf({ place, secrets: [secret("2026-11-10T00:00:00Z")] })).toEqual([]);
  expect(await kindsOf({ place, secrets: [secret("2026-08-01T00:00:00Z")] })).toEqual(["stale A", "old A"]);
  await recorded([secret("2026-11-10T00:00:00Z")], undefined, place);
  expect(await kindsOf({ place, secrets: [secret("2026-11-11T00:00:00Z")] })).toEqual(["changed-elsewhere A"]);
});

test("a set within the second of the vault's change is no older than it", async () => {
  const expected = [{ name: "A", changedAt: "2026-11-10T00:00:00.700Z" }];
  expect(
    await kindsOf({ expected, place: "github x", secrets: [{ name: "A", updatedAt: "2026-11-10T00:00:00Z" }] }),
  ).toEqual([]);
});

test("the newest record counts, and a damaged line is told, not passed over", async () => {
  await recorded([{ name: "A", digest: "d1" }]);
  await recorded([{ name: "A", digest: "d2" }], "2026-11-12T00:00:00Z");
  expect(await kindsOf({ secrets: [{ ...deployed, digest: "d2" }] })).toEqual([]);
  const file = join(dir, "artifacts/ops/secrets.ndjson");
  expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(2);
  appendFileSync(file, '{"at": "2026');
  const places = [{ place: "fly shop", secrets: [deployed] }];
  const failure = await failureOf(secretsAudit, { expected: [{ name: "A", changedAt: fresh }], places }, host());
  expect(failure).toMatchObject({ reason: "records-damaged", facts: { line: 3 } });
});

test("what a run takes back holds no more: the record of before does, or nobody knows", async () => {
  const B = { name: "B", digest: "b1" };
  await recorded([{ name: "A", digest: "d1" }]);
  const file = join(dir, "artifacts/ops/secrets.ndjson");
  writeFileSync(file, readFileSync(file, "utf8").replace("rb-7f3k2m", "rb-before"));
  await recorded([{ name: "A", digest: "d2" }, B], "2026-11-12T00:00:00Z");
  const spec = { place: "fly shop", secrets: [{ name: "A" }, B], undo: true };
  await runStep(secretsRecord, spec, host("2026-11-13T00:00:00Z"));
  const expected = ["A", "B"].map((name) => ({ name, changedAt: fresh }));
  expect(await kindsOf({ expected, secrets: [deployed, { ...B, status: "Deployed" }] })).toEqual(["unrecorded B"]);
  expect(await kindsOf({ expected: [expected[0]!], secrets: [{ ...deployed, digest: "d2" }] })).toEqual([
    "changed-elsewhere A",
  ]);
});

test("nothing expected, or no place, is no audit", () => {
  expect(secretsAudit.input["properties"]).toMatchObject({ expected: { minItems: 1 }, places: { minItems: 1 } });
});
