/** The step type `document`, with the real shell it writes through. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { document } from "../../src/steps/document.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

let workDir: string;
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "document ' "));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const host = () => rigHost({ workDir, environment: { PATH: process.env["PATH"] ?? "" } });

test("writes the text as it stands, makes folders, replaces an older file, leaves nothing beside it", async () => {
  const text = "# Post-mortem\n\n$HOME `id` \"quoted\" '${x}' \\n ü";
  const file = "artifacts/ops/post mortem.md";
  expect(await runStep(document, { file, text }, host())).toEqual({ file, bytes: Buffer.byteLength(`${text}\n`) });
  expect(readFileSync(join(workDir, file), "utf8")).toBe(`${text}\n`);
  await runStep(document, { file, text: "shorter\n" }, host());
  expect(readFileSync(join(workDir, file), "utf8")).toBe("shorter\n");
  expect(readdirSync(join(workDir, "artifacts/ops"))).toEqual(["post mortem.md"]);
});

test.each(["../outside.md", "/etc/outside.md", ".", "a/../../outside.md"])("%s is refused", async (file) => {
  expect(await failureOf(document, { file, text: "x" }, host())).toMatchObject({
    class: "fatal",
    reason: "file-outside",
  });
});

test("a file where a folder is needed fails with what the shell said", async () => {
  writeFileSync(join(workDir, "taken"), "");
  const failure = await failureOf(document, { file: "taken/summary.md", text: "x" }, host());
  expect(failure.message).toMatch(/taken/);
});
