/** Two verifiers, two languages, one format: they agree on good and on spoilt runs. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { addendumLine } from "../../src/report/addendum.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { someRun } from "../rig/random-run.ts";
import {
  pathsIn,
  randomFrom,
  readAll,
  removeDirectory,
  spoilBytes,
  temporaryDirectory,
  writeRun,
} from "../rig/run-directory.ts";

const python = spawnSync("python3", ["-c", "print(1)"], { encoding: "utf8" });
const isMissing = python.status !== 0;
if (isMissing)
  console.log(`second verifier: not run, python3 does not start (${python.error?.message ?? python.stderr})`);

const root = temporaryDirectory();
afterAll(() => removeDirectory(root));

test.skipIf(isMissing)("agrees with the first on 200 good and 200 spoilt runs", async () => {
  const directories: string[] = [];
  for (let seed = 1; seed <= 200; seed++) {
    const good = join(root, `good-${seed}`);
    const spoilt = join(root, `spoilt-${seed}`);
    mkdirSync(good);
    writeRun(good, someRun(seed));
    cpSync(good, spoilt, { recursive: true });
    const random = randomFrom(seed + 5000);
    const paths = pathsIn(spoilt);
    const path = random(2) === 0 ? "journal.ndjson" : (paths[random(paths.length)] as string);
    if (random(10) === 0) rmSync(join(spoilt, path));
    else writeFileSync(join(spoilt, path), spoilBytes(readAll(spoilt).get(path) as Buffer, random).bytes);
    directories.push(good, spoilt);
  }
  const output = spawnSync("python3", [join(import.meta.dirname, "second-verifier.py"), ...directories], {
    encoding: "utf8",
  });
  expect(output.stderr).toBe("");
  const second = output.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { ok: boolean; seq: number | null });
  expect(second).toHaveLength(400);
  for (const [index, dir] of directories.entries()) {
    const first = await verifyRun(dir);
    const name = dir.split("/").at(-1);
    expect({ name, ok: second[index]?.ok }).toEqual({ name, ok: first.ok });
    expect({ name, ok: first.ok }).toEqual({ name, ok: name?.startsWith("good") });
    const bad = first.problems.find((p) => p.code === "record-altered" || p.code === "torn-tail");
    if (bad) expect({ name, seq: second[index]?.seq }).toEqual({ name, seq: bad.seq });
  }
});

test.skipIf(isMissing)("agrees about addenda: good, edited, of another run, of a head that never was", async () => {
  const by = { name: "a", method: "login", login: "a", keyId: null, groups: [] } as const;
  const builder = someRun(7);
  const place = { seq: 1, at: builder.now, run: builder.run, head: `sha256:${builder.headHash}`, by };
  const line = (more: object) =>
    addendumLine({ ...place, ...more }, { type: "finding.added", text: "none" }, zero, null).line;
  const zero = "0".repeat(64);
  const addenda: Record<string, string> = {
    good: line({}),
    edited: line({}).replace("none", "nine"),
    "cut-off": line({}).slice(0, -1),
    "of-another-run": line({ run: "rb-222222" }),
    "of-another-head": line({ head: `sha256:${zero}` }),
  };
  const directories = Object.entries(addenda).map(([name, text]) => {
    const dir = join(root, `addendum-${name}`);
    mkdirSync(dir);
    writeRun(dir, builder);
    writeFileSync(join(dir, "addendum.ndjson"), text);
    return dir;
  });
  const output = spawnSync("python3", [join(import.meta.dirname, "second-verifier.py"), ...directories], {
    encoding: "utf8",
  });
  const second = output.stdout
    .trimEnd()
    .split("\n")
    .map((text) => (JSON.parse(text) as { ok: boolean }).ok);
  const first = await Promise.all(directories.map(async (dir) => (await verifyRun(dir)).ok));
  expect(second).toEqual(first);
  expect(first).toEqual([true, false, false, false, false]);
});
