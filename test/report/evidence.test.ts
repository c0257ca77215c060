import { describe, expect, test } from "vitest";
import { openEnvelope } from "../../src/report/dsse.ts";
import {
  evidenceDocument,
  evidenceStatement,
  runPredicateType,
  statementPayloadType,
  testResultPredicateType,
  testResultStatement,
} from "../../src/report/evidence.ts";
import { parsePublicKey } from "../../src/report/keys.ts";
import { collected } from "../../src/report/text-sink.ts";
import { stories } from "../rig/run-stories.ts";
import { testKey } from "../rig/test-keys.ts";

const digests = new Map([
  ["runbook.yaml", "b".repeat(64)],
  ["journal.ndjson", "a".repeat(64)],
  ["evidence.json", "c".repeat(64)],
  ["SHA256SUMS", "d".repeat(64)],
]);

describe("the statement about a run", () => {
  const builder = stories.rolledBack();
  const record = builder.fold();
  const statement = evidenceStatement(record, digests);

  test("is an in-toto statement about the files, itself and their list excepted", () => {
    expect(statement._type).toBe("https://in-toto.io/Statement/v1");
    expect(statement.predicateType).toBe(runPredicateType);
    expect(statement.subject).toEqual([
      { name: "journal.ndjson", digest: { sha256: "a".repeat(64) } },
      { name: "runbook.yaml", digest: { sha256: "b".repeat(64) } },
    ]);
  });

  test("says what auditors ask for, with the records it comes from", () => {
    expect(statement.predicate).toMatchObject({
      id: "rb-91mm0c",
      kind: "rollback",
      result: "rolled_back",
      verdict: "failed",
      state: "every change was undone",
      participants: [
        { role: "initiator", name: "operator@example" },
        { role: "approver", name: "approver@example", identifiedBy: testKey("approver").id },
      ],
      objectives: [{ name: "rto", targetMs: 60_000, actualMs: 128_000, met: false }],
      deviations: [{ kind: "objective-missed" }],
      artifacts: [{ step: "pre_state", name: "releases.json" }],
      integrity: { journal: { records: builder.lines.length, headHash: builder.headHash, sealed: true }, signer: null },
    });
    const { approvals, verifications } = statement.predicate as Record<string, { record: number }[]>;
    for (const { record: seq } of [...(approvals ?? []), ...(verifications ?? [])]) {
      expect(builder.lines[seq - 1]).toContain(`"seq":${seq},`);
    }
  });

  test("is the same text for the same record", () => {
    const again = evidenceDocument(builder.fold(), new Map([...digests].reverse()));
    expect(collected(evidenceDocument(record, digests))).toBe(collected(again));
  });

  test("is opened from its envelope by the key that signed it", () => {
    const key = testKey("evidence");
    const envelope = JSON.parse(collected(evidenceDocument(record, digests, key)));
    const opened = openEnvelope(envelope, statementPayloadType, [parsePublicKey(key.publicText)]);
    const inside = JSON.parse(opened?.payload.toString() ?? "");
    expect(inside.predicate.integrity.signer).toEqual({ keyId: key.id, publicKey: key.publicText });
    expect({ ...inside, predicate: null }).toEqual({ ...statement, predicate: null });
  });
});

test("the test result lists every check, failed and passed", () => {
  const statement = testResultStatement(stories.rolledBack().fold(), digests);
  expect(statement.predicateType).toBe(testResultPredicateType);
  expect(statement.predicate).toMatchObject({
    result: "FAILED",
    configuration: [{ name: "runbook.yaml" }],
    failedTests: expect.arrayContaining(["confirm.latency: result.p95Ms < 800"]),
    passedTests: expect.arrayContaining(["confirm.version: result.json.image == steps.deploy.outputs.image"]),
  });
  expect(testResultStatement(stories.succeeded().fold(), digests).predicate).toMatchObject({ result: "PASSED" });
});

describe("the fields that auditors ask for", () => {
  const predicate = evidenceStatement(stories.rolledBack().fold(), digests).predicate;
  const at = (path: string): unknown =>
    path.split(".").reduce<unknown>((value, part) => {
      const item = Array.isArray(value) ? value[0] : value;
      return (item as Record<string, unknown> | null | undefined)?.[part];
    }, predicate);

  /** Fields that the tool fills without anybody's work, as the statement names them; a list stands for its first item. */
  test.each([
    ["identity", ["id", "title", "kind", "reason", "incidentRef"]],
    ["scope", ["scope.target", "scope.protected", "scope.locks"]],
    ["participants", ["participants.name", "participants.role", "participants.identifiedBy"]],
    [
      "approvals",
      [
        "approvals.by.name",
        "approvals.at",
        "approvals.decision",
        "approvals.reason",
        "approvals.shownDigest",
        "approvals.expiresAt",
        "approvals.record",
      ],
    ],
    [
      "schedule",
      [
        "schedule.startedAt",
        "schedule.finishedAt",
        "schedule.durationMs",
        "schedule.workingMs",
        "schedule.waitingMs",
        "schedule.executions.at",
      ],
    ],
    [
      "targets and actuals",
      ["objectives.name", "objectives.targetMs", "objectives.actualMs", "objectives.met", "objectives.measured"],
    ],
    [
      "verifications",
      [
        "verifications.that",
        "verifications.status",
        "verifications.expected",
        "verifications.actual",
        "verifications.record",
      ],
    ],
    ["deviations", ["deviations.kind", "deviations.what", "deviations.seq"]],
    ["artifacts", ["artifacts.name", "artifacts.path", "artifacts.bytes", "artifacts.sha256"]],
    [
      "integrity",
      [
        "integrity.runbook.digest",
        "integrity.runbook.version",
        "integrity.runbook.commit",
        "integrity.runbook.dirty",
        "integrity.planDigest",
        "integrity.inputsDigest",
        "integrity.tool",
        "integrity.journal.headHash",
        "integrity.journal.records",
        "integrity.journal.sealed",
      ],
    ],
    ["environment", ["environment.host", "environment.os", "environment.node", "environment.boots"]],
    ["result", ["result", "verdict", "exitCode", "state", "testResult.result"]],
    ["inputs", ["inputs.name", "inputs.source", "secrets"]],
  ])("%s", (_, paths) => {
    for (const path of paths) expect(at(path), path).not.toBeOneOf([undefined, null, ""]);
  });

  test("steps: what ran, how it ended, what it printed, and where the journal says so", () => {
    const { steps } = predicate as { steps: Record<string, unknown>[] };
    const ran = steps.filter((step) => (step["commands"] as unknown[]).length > 0);
    expect(ran.map((step) => step["path"])).toContain("deploy");
    for (const step of ran) {
      for (const name of ["title", "effects", "status", "attempts", "startedAt", "finishedAt", "durationMs", "records"])
        expect(step[name], `${step["path"]}.${name}`).not.toBeOneOf([undefined, null, ""]);
      for (const command of step["commands"] as Record<string, unknown>[]) {
        expect(command).toMatchObject({
          argv: expect.arrayContaining([expect.any(String)]),
          exitCode: expect.any(Number),
        });
        expect(command["stdout"]).toMatchObject({
          bytes: expect.any(Number),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        });
        expect(command).toHaveProperty("excerpt.stdout");
        expect(command["records"]).toHaveLength(2);
      }
    }
  });
});
