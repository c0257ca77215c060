/** `run --plan FILE --approval FILE`: exactly what was approved beforehand, once, or nothing at all. */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newKeyPair } from "../../src/report/keys.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

const hourMs = 3_600_000;

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ fixture: "ledger" });
  for (const name of ["operators", "managers", "stranger"]) {
    const keys = newKeyPair(`${name}@example`);
    rig.write(`keys/${name}.pub`, keys.publicLine);
    rig.write(`keys/${name}.pem`, keys.privatePem, 0o600);
  }
  rig.write("runbooks/change.sh", 'printf "file\\n" >> "$LEDGER"\n');
  rig.write("runbooks/other.sh", 'printf "other\\n" >> "$LEDGER"\n');
  const handed = { ledger: "${{ inputs.ledger }}", gates: "${{ inputs.gates }}" };
  rig.runbook("inner", { targets: ["guarded"], steps: [ledgerStep("included", { effects: "read" })] });
  rig.runbook("release", {
    targets: ["guarded"],
    concurrency: "test/${{ run.id }}",
    inputs: { version: { type: "string", required: true } },
    env: { RELEASE: "${{ inputs.version }}" },
    steps: [
      ledgerStep("look", { effects: "read" }),
      { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Release it?", from: ["ops"] } },
      { id: "nested", title: "Nested", uses: "runbook/inner", with: handed },
      { ...ledgerStep("change"), with: { file: "change.sh" } },
    ],
  });
  await save("plan.json");
  writeFileSync(join(rig.project, "approval.json"), await approved("plan.json", "operators"));
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

async function save(file: string, version = "1"): Promise<void> {
  const words = ["plan", "release", "-t", "guarded", "-i", `version=${version}`, "--save", file, "--no-input"];
  expect(await rig.run(words)).toMatchObject({ code: 0, stderr: "" });
}

async function approved(plan: string, who: string, env: Record<string, string> = {}): Promise<string> {
  const ran = await rig.run(["approve", "--plan", plan, "--sign", `keys/${who}.pem`, "--no-input"], { env });
  expect(ran).toMatchObject({ code: 0 });
  return ran.stdout;
}

const now = (ms: number) => ({ RUNBOOK_TESTING: "1", RUNBOOK_NOW: new Date(Date.now() + ms).toISOString() });
const words = ["run", "--plan", "plan.json", "--approval", "approval.json"];

/** Replaces text in a file of the project. */
const edit = (file: string, from: string, to: string) => () => {
  const path = join(rig.project, file);
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replaceAll(from, to));
};

test.each<[string, () => unknown, string, (readonly string[])?, Record<string, string>?]>([
  ["the runbook", edit("runbooks/release.yaml", "'look'", "'look again'"), "the plan is stale"],
  ["a runbook it uses", edit("runbooks/inner.yaml", "'included'", "'more'"), "the plan is stale"],
  ["a script", edit("runbooks/change.sh", "file", "evil"), "the plan is stale"],
  [
    "a link in the place of a script",
    () => {
      rmSync(join(rig.project, "runbooks/change.sh"));
      symlinkSync("other.sh", join(rig.project, "runbooks/change.sh"));
    },
    "the plan is stale",
  ],
  ["an environment variable", edit("runbooks/release.yaml", "RELEASE: ${{ inputs.version }}", "RELEASE: '2'"), "stale"],
  ["the target", edit("runbook.config.yaml", "protected: true", "protected: true, app: other"), "the plan is stale"],
  ["an input", () => {}, "contradicts the plan", ["-i", "version=2"]],
  ["the digest in the plan", edit("plan.json", '"planDigest": "sha256:', '"planDigest": "sha256:00'), "stale"],
  ["one letter of the approval", edit("approval.json", '"payload":"eyJ', '"payload":"eyK'), "does not count"],
  ["an approval by a key that is not listed", () => replaceApproval("stranger"), "no key listed"],
  [
    "an approval of another plan",
    async () => {
      await save("other.json", "2");
      rig.write("approval.json", await approved("other.json", "operators"));
    },
    "it approves the plan sha256:",
  ],
  ["an approval that expired", () => {}, "it expired at", [], now(5 * hourMs)],
  ["a clock that was set back", () => {}, "may have been set back", [], now(-24 * hourMs)],
])("refused, and nothing is executed: %s", async (_, change, message, more = [], env = {}) => {
  const files = ["runbooks/release.yaml", "runbooks/inner.yaml", "runbooks/change.sh", "runbook.config.yaml"];
  const before = [...files, "plan.json", "approval.json"].map((file) => ({ file, text: textOf(file) }));
  const runs = rig.runs();
  try {
    await change();
    const { code, document } = await rig.json<{ message: string }>([...words, ...more], { env });
    expect(document.message).toContain(message);
    expect([2, 3, 4]).toContain(code);
  } finally {
    rmSync(join(rig.project, "runbooks/change.sh"));
    for (const { file, text } of before) rig.write(file, text);
  }
  expect(rig.ledger()).toEqual([]);
  expect(rig.runs()).toEqual(runs);
});

const textOf = (file: string): string => readFileSync(join(rig.project, file), "utf8");
const replaceApproval = async (who: string) => rig.write("approval.json", await approved("plan.json", who));

test("the approval of another group ends the run at its question: 4", async () => {
  const kept = textOf("approval.json");
  await replaceApproval("managers");
  const { code, document } = await rig.json(words);
  rig.write("approval.json", kept);
  expect([code, document.result]).toEqual([4, "refused"]);
  expect(rig.ledger()).toEqual(["look"]);
});

test("what was approved runs, once: the same approval again changes nothing", async () => {
  const first = await rig.json(words);
  expect([first.code, first.document.result]).toEqual([0, "succeeded"]);
  expect(rig.ledger()).toEqual(["look", "included", "file"]);
  const decided = rig.journal(first.document.run).find(({ type }) => type === "approval.decided");
  expect(decided).toMatchObject({ decision: "approved", by: { name: "operators@example", method: "approval-file" } });
  expect(await rig.problems(first.document.run)).toEqual([]);
  rig.clearLedger();
  const runs = rig.runs();
  const again = await rig.json<{ message: string }>(words);
  expect([again.code, again.document.message]).toEqual([4, expect.stringContaining("used before")]);
  expect([rig.ledger(), rig.runs()]).toEqual([[], runs]);
});

test("of two runs that are started with one approval at once, one is refused", async () => {
  rig.write("approval.json", await approved("plan.json", "operators"));
  const both = await Promise.all([rig.json(words), rig.json(words)]);
  expect(both.map(({ code }) => code).sort()).toEqual([0, 4]);
  expect(rig.ledger().filter((line) => line === "file")).toEqual(["file"]);
});
