/** Every field that auditors ask for and the tool fills, looked up at its place in the report of a real run. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunRecord } from "../../src/engine/run-record.ts";
import { loginName } from "../../src/host/environment.ts";
import { newKeyPair } from "../../src/report/keys.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { cellOf, paragraphOf, readHtml, readMarkdown, type Section } from "../rig/report-reader.ts";

const keys = newKeyPair("evidence@example");
const rig = new CliRig({ fixture: "ledger" });
let run: string;
let record: RunRecord;
let reports: Readonly<Record<string, readonly Section[]>>;

beforeAll(async () => {
  rig.write("keys/evidence.pem", keys.privatePem, 0o600);
  rig.runbook("exercise", {
    kind: "drill",
    description:
      "When to use it.\n\nScope: the ledger of the tests,\nnothing else.\n\n**Test type:** functional\n- Scenario: a line is lost\n- Classification: internal\n\n```\nImpact: not in a fence\n```\n",
    inputs: { change: { type: "string" } },
    drill: { every: "30d" },
    evidence: { retention: "400d" },
    objectives: { rto: { target: "5m", measure: "steps.look.finishedAt - run.startedAt" } },
    guards: [{ id: "office", title: "In office hours", uses: "window", with: { name: "soft" } }],
    steps: [
      { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Shall it?", from: ["ops"], expires: "10m" } },
      {
        id: "write_it",
        title: "Write",
        uses: "script",
        effects: "write",
        idempotent: true,
        with: { script: 'echo "told $TOLD"; echo warned >&2; echo kept > kept.json' },
        env: { TOLD: "by-environment" },
        artifacts: ["kept.json"],
      },
      { id: "look", title: "Look", run: "echo seen", effects: "read", verify: ['result.stdout.trim() == "seen"'] },
    ],
  });
  // A Saturday, so that the window does not hold; a minute from command to command.
  const env = (minute: number) => ({
    RUNBOOK_SIGN_KEY: "keys/evidence.pem",
    RUNBOOK_TESTING: "1",
    RUNBOOK_NOW: `2026-11-21T12:0${minute}:00Z`,
  });
  const began = await rig.json(["run", "exercise", "-t", "here", "-i", "change=CHG-7"], { env: env(0) });
  expect(began.code, began.stderr).toBe(5);
  run = began.document.run;
  const answered = await rig.json(["approve", run, "--reason", "looked at it"], { env: env(1) });
  expect(answered.code, answered.stderr).toBe(0);
  const ended = await rig.json(["wait", run], { env: env(2) });
  expect(ended.code, ended.stderr).toBe(0);
  record = rig.record(run);
  reports = { Markdown: readMarkdown(rig.file(run, "report.md")), HTML: readHtml(rig.file(run, "report.html")) };
});
afterAll(() => rig.end());

type Locate = (report: readonly Section[]) => string;
const title = (report: readonly Section[]) => report[0]?.heading ?? "";
const headed =
  (name: string): Locate =>
  (report) =>
    cellOf(report, title(report), name);
const at =
  (heading: string, key: string, column?: string): Locate =>
  (report) =>
    cellOf(report, heading, key, column);
const said =
  (heading: string, begins: string): Locate =>
  (report) =>
    paragraphOf(report, heading, begins);
const stepOf = (path: string) => {
  const step = record.steps.get(path);
  if (step === undefined) throw new Error(`no step ${path}`);
  return step;
};
const command = () =>
  stepOf("write_it").commands[0] as NonNullable<
    RunRecord["steps"] extends Map<string, infer S> ? S : never
  >["commands"][0];
const decision = () => stepOf("agree").approval?.decisions[0];
const artifact = () => stepOf("write_it").artifacts[0];
const step2 = "3 write_it";

/** Field of the evidence → where it stands → what the journal says it is. */
const fields: readonly (readonly [string, Locate, () => string | RegExp])[] = [
  ["title", title, () => /^Test exercise: PASSED WITH DEVIATIONS/],
  ["id", headed("Run"), () => run],
  ["kind", headed("Kind"), () => /^drill #1$/],
  ["change_ref", headed("Change"), () => /^CHG-7 #1$/],
  ["scope", headed("Scope"), () => "the ledger of the tests, nothing else."],
  ["scope: environment", headed("Target"), () => /^here #1$/],
  ["test_type", headed("Test type"), () => /^functional #1$/],
  ["scenario", headed("Scenario"), () => /^a line is lost #1$/],
  ["classification", headed("Classification"), () => /^internal #1$/],
  ["retention", headed("Kept"), () => /^400d, until \d{4}-/],
  ["next_test_due", headed("Next test due"), () => /^2026-12-21T12:0\d/],
  ["participants: initiator", at("Participants", "initiator", "Who"), () => loginName()],
  ["participants: how identified", at("Participants", "initiator", "Identified by"), () => "login"],
  ["participants: approver", at("Participants", "approver", "Who"), () => loginName()],
  ["approvals: who", at("agree: Agree", "approved", "Who"), () => loginName()],
  ["approvals: when", at("agree: Agree", "approved", "Answered"), () => decision()?.at ?? "none"],
  ["approvals: comment", at("agree: Agree", "approved", "Reason"), () => "looked at it"],
  ["approvals: signature or login", at("agree: Agree", "approved", "How"), () => `login ${loginName()}`],
  ["approvals: plan hash", said("agree: Agree", "What they were shown"), () => record.started.planDigest],
  ["approvals: shown hash", said("agree: Agree", "What they were shown"), () => decision()?.shownDigest ?? "none"],
  ["approvals: expiry", said("agree: Agree", "Asked"), () => `until ${stepOf("agree").approval?.request.expiresAt}`],
  ["schedule: planned window", headed("Planned window"), () => "soft: Mon-Fri 09:00-17:00 Europe/Berlin"],
  ["schedule: start", headed("Run"), () => record.started.at],
  ["schedule: end", headed("Run"), () => record.finished?.at ?? "none"],
  ["schedule: duration", headed("Run"), () => / · [\dms. ]+, of which [\d.]+m?s working/],
  ["schedule: waiting for people", headed("Run"), () => /working and [\d.]+m?s waiting for people/],
  ["schedule: pauses", headed("Run"), () => /; 1 pause, 5\d\.\ds in all #\d+/],
  ["targets", at("Objectives", "RTO", "Target"), () => "5m"],
  ["actuals", at("Objectives", "RTO", "Actual"), () => /^1m( 0\ds)?$/],
  ["actuals: met", at("Objectives", "RTO", "Met"), () => "met"],
  [
    "actuals: how measured",
    at("Objectives", "RTO", "How it was measured"),
    () => "steps.look.finishedAt - run.startedAt",
  ],
  ["steps: name", at("Steps", "Write", "Step"), () => "Write"],
  ["steps: effect", at("Steps", "Write", "Effect"), () => "write"],
  ["steps: attempts", at("Steps", "Write", "Tries"), () => "1"],
  ["steps: outcome", at("Steps", "Write", "Status"), () => "ok"],
  ["steps: id", (report) => report.find(({ heading }) => heading === step2)?.heading ?? "", () => step2],
  [
    "steps: start and end",
    said(step2, "Write ·"),
    () => `${stepOf("write_it").startedAt} to ${stepOf("write_it").finishedAt}`,
  ],
  ["steps: exit code", said(step2, "Command"), () => /attempt 1, write: exit code 0 after /],
  [
    "steps: argv",
    (report) => report.find(({ heading }) => heading === step2)?.blocks[0] ?? "",
    () => command().argv[0] ?? "none",
  ],
  ["steps: environment names", said(step2, "Working directory"), () => "TOLD"],
  ["steps: output size", said(step2, "stdout,"), () => /^20 bytes, SHA-256 /],
  ["steps: masked output hash", said(step2, "stdout,"), () => command().end?.output.stdout.sha256 ?? "none"],
  ["steps: error output hash", said(step2, "stderr,"), () => command().end?.output.stderr.sha256 ?? "none"],
  [
    "steps: excerpt",
    (report) => report.find(({ heading }) => heading === step2)?.blocks[1] ?? "",
    () => "told by-environment",
  ],
  ["steps: host", at("Environment", "host"), () => String(record.started.environment["host"])],
  ["verifications: assertion", at("4 look", "met", "Check"), () => 'result.stdout.trim() == "seen"'],
  ["verifications: expected", at("4 look", "met", "Expected"), () => "seen"],
  ["verifications: observed", at("4 look", "met", "Actual"), () => "seen"],
  ["verifications: pointer", said("4 look", "Look ·"), () => `#${stepOf("look").seqs.at(-1)}`],
  ["deviations", at("Deviations", "window", "What"), () => "soft"],
  ["deviations: pointer", at("Deviations", "window", "Record"), () => /^#\d+$/],
  ["artifacts: name", at("Artifacts", "kept.json", "File"), () => "kept.json"],
  ["artifacts: size", at("Artifacts", "kept.json", "Bytes"), () => "5"],
  ["artifacts: sha256", at("Artifacts", "kept.json", "SHA-256"), () => artifact()?.sha256 ?? "none"],
  ["artifacts: media type", at("Artifacts", "kept.json", "Media type"), () => "application/json"],
  [
    "integrity: runbook sha256, version, commit",
    headed("Runbook"),
    () => `exercise 1.0.0 (${record.started.digest}, not in a repository)`,
  ],
  ["integrity: input hash", said("Inputs", "Digest of the inputs:"), () => /^sha256:[0-9a-f]{64} #1$/],
  ["integrity: tool version", at("Environment", "Tool"), () => `runbook ${record.started.tool}`],
  ["integrity: tool's own hash", at("Environment", "toolDigest"), () => /^sha256:[0-9a-f]{64}$/],
  ["integrity: head hash", headed("Evidence"), () => `sha256:${record.headHash}`],
  ["integrity: record count", headed("Evidence"), () => `by ${record.lastSeq} journal records`],
  ["integrity: seal state", headed("Evidence"), () => "records, sealed · "],
  ["integrity: signer", headed("Evidence"), () => /signed with SHA256:[A-Za-z0-9+/]{43} /],
  ...["os", "kernel", "node", "user", "timeSync"].map(
    (name) =>
      [`environment: ${name}`, at("Environment", name), () => String(record.started.environment[name])] as const,
  ),
  [
    "environment: boot id",
    (report) => cellOf(report, "Environment", `Executor started ${record.executors[0]?.at}`),
    () => record.executors[0]?.bootId ?? "none",
  ],
  ["result", headed("Result"), () => /^succeeded, exit 0 \(ok\)/],
  ["inputs and their source", at("Inputs", "change", "Source"), () => "flag"],
];

describe.each(["Markdown", "HTML"])("the report as %s", (format) => {
  test("has every field that the tool fills, at its place, without anybody's work", () => {
    const report = reports[format] as readonly Section[];
    const wrong = fields.flatMap(([name, locate, expected]) => {
      let shown: string;
      try {
        shown = locate(report);
      } catch (error) {
        return [`${name}: ${(error as Error).message}`];
      }
      const wanted = expected();
      const is = typeof wanted === "string" ? shown.includes(wanted) : wanted.test(shown);
      return is && shown !== "" ? [] : [`${name}: "${shown}" instead of "${wanted}"`];
    });
    expect(wrong).toEqual([]);
  });
});

test("evidence.json says the same to machines", async () => {
  const { payload } = JSON.parse(rig.file(run, "evidence.json"));
  const { predicate } = JSON.parse(Buffer.from(payload, "base64").toString("utf8"));
  expect(predicate).toMatchObject({
    kind: "drill",
    changeRef: "CHG-7",
    scope: { target: "here", statement: "the ledger of the tests, nothing else.", exclusions: null },
    scenario: "a line is lost",
    testType: "functional",
    classification: "internal",
    impact: null,
    participants: [
      { role: "initiator", identifiedBy: "login", record: 1 },
      { role: "approver", identifiedBy: "login" },
    ],
    artifacts: [{ name: "kept.json", mediaType: "application/json" }],
    integrity: { signer: { keyId: record.executors.at(-1)?.signer } },
  });
  expect(await verifyRun(rig.runDir(run), { key: keys.publicLine })).toMatchObject({ ok: true, signature: "valid" });
});

test.each([
  ["soc2-a1.3", ["findings", "actions", "sign_off"]],
  ["iso22301", ["findings", "recommendations", "actions", "sign_off"]],
  ["nist-800-84", ["findings", "recommendations", "actions"]],
  ["pci-6.5.1", ["reason", "impact", "security_impact", "rollback_procedure", "sign_off"]],
] as const)("what %s still wants of people is exactly what only they can say", async (check, missing) => {
  expect((await verifyRun(rig.runDir(run), { check })).check?.missing).toEqual(missing);
});
