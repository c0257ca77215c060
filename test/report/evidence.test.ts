import { describe, expect, test } from "vitest";
import { openEnvelope } from "../../src/report/dsse.ts";
import {
  evidenceStatement,
  evidenceText,
  runPredicateType,
  statementPayloadType,
  testResultPredicateType,
  testResultStatement,
} from "../../src/report/evidence.ts";
import { parsePublicKey } from "../../src/report/keys.ts";
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
    expect(evidenceText(record, digests)).toBe(evidenceText(builder.fold(), new Map([...digests].reverse())));
  });

  test("is opened from its envelope by the key that signed it", () => {
    const key = testKey("evidence");
    const envelope = JSON.parse(evidenceText(record, digests, key));
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
