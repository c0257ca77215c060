/** A secret is used and never seen: not in the run directory, not in any process's arguments, not as data. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

const secret = "correct-horse-battery/staple+42";
const hidden = [secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), encodeURIComponent(secret)];
const env = { RUNBOOK_SECRET_TOKEN: secret };

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

/** Name → text of every file of a run directory. */
function filesOf(run: string): Record<string, string> {
  const entries = readdirSync(rig.runDir(run), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Object.fromEntries(files.map(({ name, parentPath }) => [name, readFileSync(join(parentPath, name), "utf8")]));
}

function expectHidden(text: string): void {
  for (const part of hidden) expect(text).not.toContain(part);
}

const withToken = { secrets: ["TOKEN"], env: { TOKEN: "${{ secrets.TOKEN }}" } };
/** Prints the secret plain, in base64, and letter by letter. */
const talkative = [
  'printf "token is %s\\n" "$TOKEN"',
  'printf "%s" "$TOKEN" | base64 >&2',
  'printf "%s" "$TOKEN" | fold -w1 | while read -r c; do printf "%s" "$c"; done',
  `printf '%s\\n' "\${#TOKEN}" >> "$LEDGER"`,
  'read -r _ < "$GATES/look"',
].join("\n");

test("what a step prints is masked everywhere, and no process is given it by its arguments", async () => {
  const gate = rig.gate("look");
  rig.runbook("talk", {
    ...withToken,
    steps: [
      { ...ledgerStep("talk", { effects: "read" }), with: { script: talkative }, outputs: { said: "result.stdout" } },
    ],
  });
  const viewer = rig.start(["run", "talk", "-t", "here", "--no-input", "-o", "json"], { env });
  await viewer.waitForLedger(String(secret.length)); // the step had the real value
  for (const { pid, command } of rig.processes()) {
    for (const text of hidden) expect(command).not.toContain(text);
    if (!command.includes("supervisor")) continue;
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain(secret);
  }
  gate.open();
  const ran = await viewer.ended;
  expect(ran.code).toBe(0);
  const run = await viewer.run();
  const files = readdirSync(rig.runDir(run), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(["journal.ndjson", "report.md", "talk.1.log"]));
  const texts = files.map(({ name, parentPath }) => readFileSync(join(parentPath, name), "utf8"));
  for (const text of [...texts, ran.stdout, ran.stderr]) for (const part of hidden) expect(text).not.toContain(part);
  expect(rig.file(run, "logs/talk.1.log")).toContain("token is ***");
  expect(await rig.problems(run)).toEqual([]);
});

test("a masked value is no data: the step that would use it fails, fatally", async () => {
  rig.runbook("use", {
    ...withToken,
    steps: [
      {
        ...ledgerStep("ask", { effects: "read" }, { outputs: { token: "result.stdout" } }),
        with: { script: 'printf "%s" "$TOKEN"' },
      },
      { ...ledgerStep("use", {}, { retry: 3, idempotent: true, env: { VALUE: "${{ steps.ask.outputs.token }}" } }) },
    ],
  });
  const { code, document } = await rig.json(["run", "use", "-t", "here"], { env });
  expect(code).toBe(1);
  expect(document.steps.find(({ path }) => path === "use")).toMatchObject({
    status: "failed",
    attempts: 1,
    failure: { class: "fatal", reason: "masked-value" },
  });
  expect(rig.ledger()).toEqual([]);
});

test("a secret that nobody knows, or that stands in the inputs, refuses the run before its first step", async () => {
  rig.runbook("plain", {
    ...withToken,
    inputs: { note: { type: "string" } },
    steps: [ledgerStep("a", {}, { env: { NOTE: "${{ inputs.note }}" } })],
  });
  const missing = await rig.json(["run", "plain", "-t", "here"]);
  expect(missing).toMatchObject({ code: 4, document: { result: "refused" } });
  expect(rig.file(missing.document.run, "report.md")).toContain("no provider knows the secret TOKEN for here");
  const leaked = await rig.json(["run", "plain", "-t", "here", "-i", `note=see ${secret}`], { env });
  expect(leaked).toMatchObject({ code: 4, document: { result: "refused" } });
  expect(rig.file(leaked.document.run, "report.md")).toContain("the input note");
  for (const text of Object.values(filesOf(leaked.document.run))) expectHidden(text);
  expect(rig.ledger()).toEqual([]);
});
