/** Who may let a run go on, and what happens to one nobody answered. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loginName } from "../../src/host/environment.ts";
import { newKeyPair } from "../../src/report/keys.ts";
import { encodeLine } from "../../src/util/journal-line.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";

const minuteMs = 60_000;
const inTime = (ms: number) => ({ RUNBOOK_TESTING: "1", RUNBOOK_NOW: new Date(Date.now() + ms).toISOString() });

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  for (const name of ["operators@example", "managers@example", "stranger@example", loginName()]) {
    const keys = newKeyPair(name);
    const file = name === loginName() ? "starter" : name.split("@")[0];
    rig.write(`keys/${file}.pub`, keys.publicLine);
    rig.write(`keys/${file}.pem`, keys.privatePem, 0o600);
  }
  const config = readFileSync(join(rig.project, "runbook.config.yaml"), "utf8");
  const starter = `      - { name: "${loginName()}", key: keys/starter.pub }\n    managers:`;
  rig.write("runbook.config.yaml", config.replace("    managers:", starter));
  rig.runbook("change", {
    targets: ["here", "guarded"],
    steps: [
      ledgerStep("before", { effects: "read" }),
      {
        id: "agree",
        title: "Agree",
        uses: "approval",
        with: { prompt: "Shall it change?", from: ["ops"], expires: "10m" },
      },
      ledgerStep("change"),
    ],
  });
});
beforeEach(() => rig.clearLedger());
afterAll(() => rig.end());

async function waiting(target = "guarded"): Promise<string> {
  const { code, document } = await rig.json(["run", "change", "-t", target]);
  expect(code).toBe(5);
  expect(document).toMatchObject({ result: "waiting", waitingFor: [{ step: "agree", kind: "approval" }] });
  return document.run;
}
const approve = (run: string, ...flags: string[]) => rig.json<Record<string, unknown>>(["approve", run, ...flags]);
const signedBy = (who: string) => ["--sign", `keys/${who}.pem`];

describe("a protected target", () => {
  test("takes no answer but a signature by a listed key of the named group, not the starter's own", async () => {
    const run = await waiting();
    const before = rig.file(run, "journal.ndjson");
    const refusals = {
      unsigned: await approve(run),
      stranger: await approve(run, ...signedBy("stranger")),
      otherGroup: await approve(run, ...signedBy("managers")),
      starter: await approve(run, ...signedBy("starter")),
      yes: await approve(run, "--yes"),
    };
    const said = Object.entries(refusals).map(([who, { code, document }]) => [
      who,
      code,
      document["format"],
      document["message"],
    ]);
    expect(said).toEqual([
      ["unsigned", 4, "runbook.error/1.0", "guarded is protected: an approval needs a signature by a listed key"],
      ["stranger", 4, "runbook.error/1.0", expect.stringContaining("the signature is not one of a listed approver")],
      ["otherGroup", 4, "runbook.error/1.0", "managers@example is in managers, and ops must answer"],
      ["starter", 4, "runbook.error/1.0", `${loginName()} started this run and may not approve it`],
      ["yes", 4, "runbook.error/1.0", "guarded is protected: an approval needs a signature by a listed key"],
    ]);
    expect(refusals.unsigned.document["next"]).toBe(`runbook approve ${run} --step agree --sign KEY`);
    expect(rig.file(run, "journal.ndjson")).toBe(before);
    expect(rig.ledger()).toEqual(["before"]);

    expect(await approve(run, ...signedBy("operators"))).toMatchObject({ code: 0 });
    expect(await rig.json(["wait", run])).toMatchObject({ code: 0, document: { result: "succeeded" } });
    expect(rig.ledger()).toEqual(["before", "change"]);
  });

  test("executes the sealed copy although the working tree changed while it waited", async () => {
    const run = await waiting();
    const file = join(rig.project, "runbooks/change.yaml");
    const text = readFileSync(file, "utf8");
    rig.write("runbooks/change.yaml", text.replaceAll("'change'", "'something else'"));
    try {
      expect(await approve(run, ...signedBy("operators"))).toMatchObject({ code: 0 });
      expect(await rig.json(["wait", run])).toMatchObject({ code: 0 });
      expect(rig.ledger()).toEqual(["before", "change"]);
    } finally {
      writeFileSync(file, text);
    }
  });

  test("refuses a run whose sealed copy was changed: exit 8, nothing executed", async () => {
    const run = await waiting();
    const sealed = join(rig.runDir(run), "runbook.yaml");
    writeFileSync(sealed, readFileSync(sealed, "utf8").replaceAll("'change'", "'something else'"));
    expect(await approve(run, ...signedBy("operators"))).toMatchObject({ code: 8 });
    expect(await rig.json(["resume", run])).toMatchObject({ code: 8, document: { exitName: "corrupt" } });
    expect(rig.ledger()).toEqual(["before"]);
    expect(await rig.json(["verify", run])).toMatchObject({ code: 1, document: { ok: false } });
  });
});

describe("an approval that somebody wrote into the journal, with the right hash,", () => {
  const forged = (run: string, by: object, signature: string | null) => {
    const journal = rig.journal(run);
    const asked = journal.find((entry) => entry.type === "approval.requested");
    const last = journal.at(-1);
    if (asked?.type !== "approval.requested" || last === undefined) throw new Error("it does not ask");
    const { step, shownDigest } = asked;
    const decided = { step, decision: "approved", by, reason: null, shownDigest, signature, attachments: [] };
    const head = { seq: last.seq + 1, at: last.at, run, type: "approval.decided" };
    appendFileSync(join(rig.runDir(run), "journal.ndjson"), encodeLine({ ...head, ...decided }, last.hash).line);
    return last.seq + 1;
  };
  const login = { name: "operators@example", login: "operators@example", groups: ["ops"] };

  test.each([
    ["by a login", { ...login, method: "login", keyId: null }, null, "guarded is protected, and nobody signed"],
    ["without a signature", { ...login, method: "signature", keyId: "SHA256:x" }, null, "no key of the sealed policy"],
    ["by a file", { ...login, method: "approval-file", keyId: "SHA256:x" }, "{}", "no key of the sealed policy"],
  ])("%s, is refused on a protected target: 8, nothing executed", async (_, by, signature, words) => {
    const run = await waiting();
    const seq = forged(run, by, signature);
    const { code, document } = await rig.json<{ message: string }>(["resume", run]);
    expect([code, document.message]).toEqual([8, expect.stringContaining(words)]);
    expect(rig.ledger()).toEqual(["before"]);
    const { problems } = (await rig.json<{ problems: { code: string; seq: number }[] }>(["verify", run])).document;
    expect(problems).toContainEqual(expect.objectContaining({ code: "approval-signature", seq }));
  });
});

test("a rejection ends the run as refused: nothing was changed", async () => {
  const run = await waiting();
  expect(await rig.json(["reject", run, "--reason", "not during the sale"])).toMatchObject({ code: 0 });
  const { code, document } = await rig.json(["wait", run]);
  expect(code).toBe(4);
  expect(document.result).toBe("refused");
  expect(rig.ledger()).toEqual(["before"]);
  expect(rig.file(run, "report.md")).toContain("not during the sale");
  expect(await rig.json(["verify", run])).toMatchObject({ code: 0, document: { ok: true } });
});

test("a request that nobody answered in time is a refusal, told at once and final", async () => {
  const run = await waiting();
  const late = await approve(run, ...signedBy("operators"), "--reason", "sorry");
  expect(late.code).toBe(0); // in time; the next one is not
  expect(await rig.json(["wait", run])).toMatchObject({ code: 0 });

  const other = await waiting();
  const env = inTime(11 * minuteMs);
  const refused = await rig.json<{ message: string }>(["approve", other, ...signedBy("operators")], { env });
  expect(refused.code).toBe(4);
  expect(refused.document.message).toContain("expired");
  const { code, document } = await rig.json(["resume", other], { env });
  expect(code).toBe(4);
  expect(document.result).toBe("refused");
  expect(rig.ledger()).toEqual(["before", "change", "before"]);
  expect(rig.file(other, "report.md")).toContain("nobody decided");
});

test("elsewhere the login is enough and may be the starter's; nobody waits: 4", async () => {
  const run = await waiting("here");
  expect(await approve(run)).toMatchObject({ code: 0 });
  expect(await rig.json(["wait", run])).toMatchObject({ code: 0 });
  const nothing = await approve(run);
  expect(nothing).toMatchObject({ code: 4, document: { next: `runbook wait ${run}` } });
  expect(rig.ledger()).toEqual(["before", "change"]);
});

test("an answer given where a secret is missing is kept; the run goes on where it is not", async () => {
  rig.runbook("secretive", {
    concurrency: "test/${{ run.id }}",
    secrets: ["TOKEN"],
    steps: [
      { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Go on?" } },
      ledgerStep("after", {}, { env: { TOKEN: "${{ secrets.TOKEN }}" } }),
    ],
  });
  const env = { RUNBOOK_SECRET_TOKEN: "not-a-word-but-long-enough-7391" };
  const { run } = (await rig.json(["run", "secretive", "-t", "here"], { env })).document;
  const answered = await approve(run);
  expect(answered.code).toBe(5);
  expect(answered.stderr).toContain("no provider knows the secret TOKEN");
  expect(answered.stderr).toContain(`runbook resume ${run}`);
  expect(rig.ledger()).toEqual([]);
  expect(await rig.json(["resume", run], { env })).toMatchObject({ code: 0, document: { result: "succeeded" } });
  expect(rig.ledger()).toEqual(["after"]);
});

test("an answer that comes while a parallel step still runs is not lost", async () => {
  const gate = rig.gate("side");
  rig.runbook("aside", {
    concurrency: "test/${{ run.id }}",
    steps: [
      {
        id: "both",
        title: "Both",
        parallel: [
          { id: "agree", title: "Agree", uses: "approval", with: { prompt: "Go on?" } },
          ledgerStep("side", { gate: "side" }),
        ],
      },
      ledgerStep("after"),
    ],
  });
  const viewer = rig.start(["run", "aside", "-t", "here", "--no-input", "-o", "json"]);
  await viewer.waitForLedger("side");
  const run = await viewer.run();
  await viewer.waitForRecord("it asks", (entry) => entry.type === "approval.requested");
  expect(await approve(run)).toMatchObject({ code: 0 });
  await viewer.waitForRecord("the answer", (entry) => entry.type === "approval.decided");
  gate.open();
  const ran = await viewer.ended;
  expect(ran.code).toBe(0);
  expect(rig.ledger()).toEqual(["side", "side done", "after"]);
  expect(await rig.problems(run)).toEqual([]);
});

test("--wait-for-person keeps the viewer until another process has answered", async () => {
  const viewer = rig.start(["run", "change", "-t", "guarded", "--wait-for-person", "10m", "--no-input", "-o", "json"]);
  const run = await viewer.run();
  await viewer.waitForRecord("it waits", (entry) => entry.type === "run.waiting");
  expect(await approve(run, ...signedBy("operators"))).toMatchObject({ code: 0 });
  const ran = await viewer.ended;
  expect(ran.code).toBe(0);
  expect(JSON.parse(ran.stdout)).toMatchObject({ run, result: "succeeded" });
});

test("killed before its question is durable, a run asks once after resume and goes on by the answer", async () => {
  const started = rig.start(["run", "change", "-t", "here", "--no-input", "-o", "json"], {
    env: { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: "approval.before_sync=kill" },
  });
  expect((await started.ended).code).toBe(1);
  const run = await started.run();
  expect(rig.journal(run).filter((entry) => entry.type === "approval.requested")).toEqual([]);
  expect((await rig.json(["resume", run])).code).toBe(5);
  expect(rig.journal(run).filter((entry) => entry.type === "approval.requested")).toHaveLength(1);
  expect(await approve(run)).toMatchObject({ code: 0 });
  expect((await rig.json(["wait", run])).code).toBe(0);
  expect(rig.ledger()).toEqual(["before", "change"]);
  expect(await rig.problems(run)).toEqual([]);
});
