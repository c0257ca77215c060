/** `npm run library`: every runbook really run, one report each, and no runbook left out silently. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "runbook library' "));
  mkdirSync(join(dir, "project/runbooks"), { recursive: true });
  mkdirSync(join(dir, "tmp"));
  writeFileSync(
    join(dir, "project/runbook.config.yaml"),
    "apiVersion: runbook/v1\ntargets: { local: { sandbox: true }, staging: {} }\n",
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const library = (...words: string[]) =>
  new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
    const child = execFile(
      process.execPath,
      [
        join(root, "scripts/run-library.mjs"),
        "--project",
        join(dir, "project"),
        "--reports",
        join(dir, "out"),
        ...words,
      ],
      { env: { PATH: process.env["PATH"] ?? "", HOME: dir, TMPDIR: join(dir, "tmp"), RUNBOOK_TARGET: "staging" } },
      (_, stdout, stderr) => done({ code: child.exitCode, stdout, stderr }),
    );
  });
const runbook = (name: string, more: string) =>
  writeFileSync(
    join(dir, `project/runbooks/${name}.yaml`),
    `apiVersion: runbook/v1\nname: ${name}\nversion: 1.0.0\ntitle: T\nowner: team\nkind: audit\ndescription: D.\n${more}`,
  );
const step = "steps:\n  - { id: a, title: A, uses: eval, verify: [run.dry == false] }\n";

test("runs what there is, tells what it cannot run and why, and leaves nothing behind", async () => {
  runbook(
    "asks",
    `targets: [local]\nsteps:\n  - { id: a, title: A, uses: manual, with: { instructions: Look., confirm: Seen } }\n`,
  );
  runbook("elsewhere", `targets: [staging]\n${step}`);
  runbook("fails", "targets: [local]\nsteps:\n  - { id: a, title: A, uses: eval, verify: [run.dry == true] }\n");
  runbook(
    "needs",
    `targets: [local]\ninputs: { ticket: { type: string, required: true } }\n${step.replace("run.dry == false", 'inputs.ticket != ""')}`,
  );
  runbook("passes", `targets: [local]\n${step}`);
  const { code, stdout, stderr } = await library();
  expect(code, stderr).toBe(1);
  const lines = stdout.split("\n");
  const line = (name: string) => lines.findIndex((each) => each.slice(5).startsWith(`${name} `));
  expect(lines[line("passes")]).toMatch(/^ok {3}passes +succeeded {2}[\d.]+s {2}.*\/out\/passes\.md$/);
  expect(lines[line("asks")]).toMatch(/^FAIL/);
  expect(lines[line("asks") + 1]).toContain("it waits at a (manual)");
  expect(lines[line("elsewhere") + 1]).toContain("not written for the target local");
  expect(lines[line("fails") + 1]).toContain("it ended as failed (exit 1), not as succeeded");
  expect(lines[line("needs") + 1]).toContain("it needs ticket; add a row");
  expect(readdirSync(join(dir, "out")).sort()).toEqual(expect.arrayContaining(["fails.md", "passes.md"]));
  expect(readFileSync(join(dir, "out/passes.md"), "utf8")).toContain("passes");
  expect(readdirSync(join(dir, "tmp"))).toEqual([]);
});

test("a name that is none, or no folder for the reports, is a mistake", async () => {
  runbook("passes", `targets: [local]\n${step}`);
  const unknown = await library("nobody");
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain("no runbook nobody; there is passes");
  const child = await new Promise<number | null>((done) => {
    const started = execFile(process.execPath, [join(root, "scripts/run-library.mjs")], () => done(started.exitCode));
  });
  expect(child).toBe(2);
});
