/** Signed evidence and the register of drills, by the real command. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { drillSignature, parseDrills } from "../../src/report/drills.ts";
import { newKeyPair } from "../../src/report/keys.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { CliRig } from "../rig/cli-rig.ts";

const mine = newKeyPair("evidence@example");
let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.write("keys/evidence.pem", mine.privatePem, 0o600);
  rig.write("keys/open.pem", mine.privatePem, 0o644);
  rig.runbook("drill", {
    kind: "drill",
    drill: { every: "90d" },
    steps: [
      {
        id: "look",
        title: "Look",
        uses: "script",
        effects: "read",
        with: { script: "echo v1" },
        outputs: { image: "result.stdout.trim()" },
        verify: [{ that: "result.exitCode == 0" }],
      },
    ],
  });
});
afterAll(() => rig.end());

const register = () => parseDrills(readFileSync(join(rig.project, "drills.ndjson"), "utf8"));

test("a run without a key is unsigned and says so; with one it is signed, and so is its line in the register", async () => {
  const plain = await rig.json(["run", "drill"]);
  expect(plain.code, plain.stderr).toBe(0);
  expect((await verifyRun(plain.document.dir)).signature).toBe("absent");

  const signed = await rig.json(["run", "drill"], { env: { RUNBOOK_SIGN_KEY: "keys/evidence.pem" } });
  expect(signed.code, signed.stderr).toBe(0);
  const { dir } = signed.document;
  expect(await verifyRun(dir, { key: mine.publicLine })).toMatchObject({ ok: true, signature: "valid" });
  expect(await verifyRun(dir)).toMatchObject({ ok: true, signature: "untrusted" });
  const text = await rig.run(["verify", signed.document.run]);
  expect(text.code).toBe(0);
  expect(text.stdout).toContain("signature untrusted (SHA256:");

  const { entries, badLines } = register();
  expect(badLines).toEqual([]);
  expect(entries).toMatchObject([
    { run: plain.document.run, result: "succeeded", image: "v1", signature: null },
    { run: signed.document.run, result: "succeeded", image: "v1" },
  ]);
  const line = entries[1];
  expect(line && drillSignature(line, [mine.publicLine])).toBe("valid");
  expect(line?.headHash).toBe(`sha256:${rig.record(signed.document.run).headHash}`);
});

test("a key that cannot be used refuses the run before its first step, and the register stays as it is", async () => {
  const before = register().entries.length;
  for (const key of ["keys/open.pem", "keys/nothing.pem"]) {
    const { code, document } = await rig.json(["run", "drill"], { env: { RUNBOOK_SIGN_KEY: key } });
    expect(code).toBe(4);
    expect(rig.record(document.run).finished?.summary).toContain("RUNBOOK_SIGN_KEY: the evidence cannot be signed");
    expect(rig.journal(document.run).some((entry) => entry.type === "step.started")).toBe(false);
  }
  expect(register().entries).toHaveLength(before);
});

test("two drills that end at once both stand in the register", async () => {
  const before = register().entries.length;
  const ran = await Promise.all([rig.json(["run", "drill"]), rig.json(["run", "drill"])]);
  expect(ran.map(({ code }) => code)).toEqual([0, 0]);
  expect(register().badLines).toEqual([]);
  expect(register().entries).toHaveLength(before + 2);
});

test("under GitHub Actions the YAML line of the failing step is annotated, the summary and outputs are written", async () => {
  rig.runbook("breaks", {
    steps: [
      { id: "fine", title: "Fine", run: "true", effects: "read" },
      {
        id: "both",
        title: "Both",
        parallel: [
          { id: "good", title: "Good", run: "true", effects: "read" },
          { id: "bad", title: "Bad", run: "false", effects: "read" },
        ],
      },
    ],
  });
  const yaml = readFileSync(join(rig.project, "runbooks/breaks.yaml"), "utf8");
  const line = yaml.split("\n").findIndex((text) => text.includes("id: bad")) + 1;
  const outputs = join(rig.dir, "outputs");
  const summary = join(rig.dir, "summary.md");
  const ran = await rig.run(["run", "breaks", "--no-input", "--report", "junit=out/junit.xml"], {
    env: {
      GITHUB_ACTIONS: "true",
      GITHUB_WORKSPACE: rig.project,
      GITHUB_OUTPUT: outputs,
      GITHUB_STEP_SUMMARY: summary,
    },
  });
  expect(ran.code).toBe(1);
  const errors = ran.stderr.split("\n").filter((text) => text.startsWith("::error"));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(`::error file=runbooks/breaks.yaml,line=${line},title=breaks%3A both.bad::`);
  const run = rig.runs().find((id) => rig.record(id).started.runbook === "breaks") as string;
  expect(readFileSync(outputs, "utf8")).toBe(`result=failed\nrun-id=${run}\nreport=${rig.runDir(run)}/report.md\n`);
  expect(readFileSync(summary, "utf8")).toBe(`${rig.file(run, "report.md")}\n`);
  expect(readFileSync(join(rig.project, "out/junit.xml"), "utf8")).toContain('<testcase name="both.bad"');
  const unknown = await rig.run(["run", "breaks", "--report", "junitt"]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('Did you mean "junit"?');
});
