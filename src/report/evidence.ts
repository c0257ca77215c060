/**
 * `evidence.json`: an in-toto Statement v1 about a finished run, for machines and auditors
 * (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md). Its subjects are the files of the run
 * directory, its predicate a fold of the journal. Unsigned it is the statement itself; signed it is a DSSE envelope
 * around the statement's bytes.
 */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { type Envelope, signEnvelope } from "./dsse.ts";
import { jsonDocument } from "./json-document.ts";
import type { PrivateKey } from "./keys.ts";
import { comparePaths } from "./run-files.ts";
import type { StatedField } from "./stated.ts";
import { effectsWithin, isGroup, stepsInOrder } from "./step-order.ts";
import { sumsFile } from "./sums.ts";
import type { Document } from "./text-sink.ts";
import { verdictOf } from "./verdict.ts";
import { changeRefOf, incidentRefOf, inputsDigestOf } from "./view-environment.ts";
import { artifactRows, backupRows } from "./view-outcome.ts";
import { participants } from "./view-people.ts";
import { plannedFacts } from "./view-planned.ts";

export const evidenceFile = "evidence.json";
const statementType = "https://in-toto.io/Statement/v1";
export const statementPayloadType = "application/vnd.in-toto+json";
export const runPredicateType = "urn:runbook:evidence:run:v1";
export const testResultPredicateType = "https://in-toto.io/attestation/test-result/v0.1";

export interface Signer {
  readonly keyId: string;
  /** `ed25519:<base64>`: lets anyone check the signature; only a key from elsewhere makes it trusted. */
  readonly publicKey: string;
}

export interface Statement {
  readonly _type: typeof statementType;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: object;
}

/** The statement about a run; `digests` are those of its files (path → 64 hex digits). */
export function evidenceStatement(
  record: RunRecord,
  digests: ReadonlyMap<string, string>,
  signer: Signer | null = null,
): Statement {
  return statement(digests, runPredicateType, runPredicate(record, signer));
}

/** The same run as the in-toto `test-result` predicate: one test per check, or per step without checks. */
export function testResultStatement(record: RunRecord, digests: ReadonlyMap<string, string>): Statement {
  const configuration = ["runbook.yaml", "config.json"].flatMap((name) => {
    const sha256 = digests.get(name);
    return sha256 === undefined ? [] : [{ name, digest: { sha256 } }];
  });
  return statement(digests, testResultPredicateType, { ...testResult(record, stepsInOrder(record)), configuration });
}

/** What is written to `evidence.json`. */
export function evidenceDocument(
  record: RunRecord,
  digests: ReadonlyMap<string, string>,
  key: PrivateKey | null = null,
): Document {
  if (key === null) return jsonDocument(evidenceStatement(record, digests));
  const signed = evidenceStatement(record, digests, { keyId: key.id, publicKey: key.publicText });
  const envelope: Envelope = signEnvelope(statementPayloadType, Buffer.from(JSON.stringify(signed)), key);
  return jsonDocument(envelope);
}

function statement(digests: ReadonlyMap<string, string>, predicateType: string, predicate: object): Statement {
  return {
    _type: statementType,
    subject: [...digests]
      .filter(([name]) => name !== evidenceFile && name !== sumsFile)
      .sort(([a], [b]) => comparePaths(a, b))
      .map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType,
    predicate,
  };
}

function runPredicate(record: RunRecord, signer: Signer | null): object {
  const { started, finished } = record;
  const steps = stepsInOrder(record);
  const effects = effectsWithin(steps);
  const planned = plannedFacts(record);
  const stated = (field: StatedField) => planned.stated.find((item) => item.field === field)?.text ?? null;
  return {
    format: "runbook.evidence/1.0",
    id: record.run,
    title: started.title,
    kind: started.kind,
    owner: started.keeping?.owner ?? null,
    description: started.keeping?.description ?? null,
    reason: started.reason,
    changeRef: changeRefOf(record),
    incidentRef: incidentRefOf(record),
    result: record.result,
    verdict: resultWord(record),
    exitCode: finished?.exitCode ?? null,
    state: verdictOf(record, steps).state,
    scope: {
      target: started.target,
      protected: started.protected,
      locks: [...record.locksTaken],
      statement: stated("scope"),
      exclusions: stated("exclusions"),
    },
    scenario: stated("scenario"),
    testType: stated("test_type"),
    aims: stated("aims"),
    impact: stated("impact"),
    securityImpact: stated("security_impact"),
    rollbackProcedure: stated("rollback_procedure"),
    classification: stated("classification"),
    inputs: started.inputs.map(({ name, value, source, sensitive }) => ({
      name,
      value: sensitive ? null : value,
      source,
      sensitive,
    })),
    secrets: started.secrets,
    participants: participants(record, steps).map(({ role, name, identifiedBy, seq }) => ({
      role,
      name,
      identifiedBy,
      record: seq,
    })),
    approvals: steps.flatMap(approvals),
    schedule: {
      plannedWindows: started.keeping?.windows ?? [],
      startedAt: started.at,
      finishedAt: finished?.at ?? null,
      durationMs: finished?.durationMs ?? null,
      workingMs: finished?.workingMs ?? null,
      waitingMs: finished?.waitingMs ?? null,
      executions: record.executors.map(({ at, stoppedAt, resumed, seq }) => ({ at, stoppedAt, resumed, record: seq })),
    },
    objectives: finished?.objectives ?? started.objectives,
    budget: finished?.budget ?? null,
    steps: steps.map((s) => ({
      path: s.path,
      title: s.title,
      type: s.stepType,
      effects: effects.get(s.path) ?? s.effects,
      status: s.status,
      attempts: s.attempts.length,
      startedAt: s.startedAt,
      finishedAt: s.finishedAt,
      durationMs: s.durationMs,
      action: s.action,
      definition: s.definition,
      why: s.why,
      lastSeen: s.lastSeen,
      commands: s.commands.map((command) => ({
        argv: command.argv,
        cwd: command.cwd,
        env: command.env,
        attempt: command.attempt,
        startedAt: command.startedAt,
        exitCode: command.end?.exitCode ?? null,
        signal: command.end?.signal ?? null,
        cause: command.end?.cause ?? null,
        durationMs: command.end?.durationMs ?? null,
        stdout: command.end?.output.stdout ?? null,
        stderr: command.end?.output.stderr ?? null,
        excerpt: command.end?.output.excerpt ?? null,
        records: command.end === null ? [command.seq] : [command.seq, command.end.seq],
      })),
      outputs: s.outputs,
      failure: s.failure && { class: s.failure.class, reason: s.failure.reason, message: s.failure.message },
      records: s.seqs,
    })),
    verifications: steps.flatMap((s) =>
      s.checks.map(({ that, status, severity, expected, actual }) => ({
        step: s.path,
        that,
        status,
        severity,
        expected,
        actual,
        record: s.seqs.at(-1) ?? null,
      })),
    ),
    testResult: testResult(record, steps),
    deviations: record.deviations,
    artifacts: artifactRows(steps).map(({ step, name, path, bytes, mediaType, sha256 }) => ({
      step,
      name,
      path,
      bytes,
      mediaType,
      sha256,
    })),
    backups: backupRows(steps).map(({ seqs, ...backup }) => ({ ...backup, records: seqs })),
    integrity: {
      runbook: { name: started.runbook, version: started.version, digest: started.digest, ...started.source },
      planDigest: started.planDigest,
      inputsDigest: inputsDigestOf(record),
      files: started.files,
      tool: started.tool,
      toolDigest: started.environment["toolDigest"] ?? null,
      journal: { records: record.lastSeq, headHash: record.headHash, sealed: record.sealed !== null },
      signer,
    },
    retention: { forMs: started.keeping?.retentionMs ?? null, until: planned.keptUntil },
    nextTestDue: planned.nextDue,
    environment: { ...started.environment, boots: [...new Set(record.executors.map((executor) => executor.bootId))] },
    secretScan: record.scan && {
      files: record.scan.files,
      bytes: record.scan.bytes,
      leaks: record.scan.leaks,
      problem: record.scan.problem,
      record: record.scan.seq,
    },
    notifications: record.notifications.map(({ on, stepType, ok, detail, at }) => ({ on, stepType, ok, detail, at })),
  };
}

function resultWord(record: RunRecord): string {
  if (record.result === "succeeded") {
    return record.deviations.length === 0 ? "passed" : "passed with deviations";
  }
  return record.result === "rollback_failed" ? "indeterminate" : "failed";
}

function approvals(step: StepRecord): object[] {
  return (step.approval?.decisions ?? []).map((d) => ({
    step: step.path,
    kind: step.approval?.request.kind,
    decision: d.decision,
    by: d.by,
    at: d.at,
    reason: d.reason,
    askedAt: step.approval?.request.at,
    expiresAt: step.approval?.request.expiresAt,
    shownDigest: d.shownDigest,
    signature: d.signature,
    record: d.seq,
  }));
}

function testResult(
  record: RunRecord,
  steps: readonly StepRecord[],
): { readonly result: string; readonly [list: string]: unknown } {
  const passed: string[] = [];
  const warned: string[] = [];
  const failed: string[] = [];
  for (const step of steps) {
    if (isGroup(step, steps) || step.status === "pending" || step.status === "skipped") continue;
    for (const check of step.checks) {
      const list = check.status === "met" ? passed : check.severity === "warning" ? warned : failed;
      list.push(`${step.path}: ${check.that}`);
    }
    if (step.checks.length === 0) (step.status === "succeeded" ? passed : failed).push(step.path);
  }
  const ok = record.result === "succeeded";
  const result = !ok ? "FAILED" : warned.length > 0 || record.deviations.length > 0 ? "WARNED" : "PASSED";
  return { result, passedTests: passed, warnedTests: warned, failedTests: failed };
}
