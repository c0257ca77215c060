/** A run as a CTRF report, version 0.0.0 (https://ctrf.io/docs/specification/root): the cases of the JUnit report as JSON. */
import type { RunRecord } from "../engine/run-record.ts";
import { inert } from "./inert.ts";
import { type Case, casesOf } from "./test-cases.ts";

type Status = "passed" | "failed" | "skipped" | "pending" | "other";

/** Times are milliseconds since the epoch, durations milliseconds. */
export function ctrfReport(record: RunRecord): string {
  const { started, finished } = record;
  const tests = casesOf(record).map(testOf);
  const count = (status: Status) => tests.filter((test) => test.status === status).length;
  const report = {
    reportFormat: "CTRF",
    specVersion: "0.0.0",
    timestamp: finished?.at ?? record.lastAt,
    generatedBy: `runbook ${started.tool}`,
    results: {
      tool: { name: "runbook", version: started.tool },
      summary: {
        tests: tests.length,
        passed: count("passed"),
        failed: count("failed"),
        pending: count("pending"),
        skipped: count("skipped"),
        other: count("other"),
        flaky: tests.filter((test) => test.flaky).length,
        suites: 1,
        start: Date.parse(started.at),
        stop: Date.parse(finished?.at ?? record.lastAt),
      },
      tests,
      environment: {
        reportName: inert(started.title),
        appName: started.runbook,
        appVersion: started.version,
        testEnvironment: started.target,
        ...(started.source.commit === null ? {} : { commit: started.source.commit }),
      },
    },
    extra: {
      run: record.run,
      result: record.result,
      digest: started.digest,
      headHash: `sha256:${record.headHash}`,
      objectives: finished?.objectives ?? [],
      deviations: record.deviations.length,
    },
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function testOf({ name, suite, phase, step, attempts, startedAt, ms, outcome }: Case) {
  const status = statusOf(outcome);
  const start = startedAt === null ? null : Date.parse(startedAt);
  return {
    name: inert(name),
    status,
    duration: ms,
    ...(start === null ? {} : { start, stop: start + Math.round(ms) }),
    suite: [suite, phase],
    ...(outcome === null ? {} : { message: inert(outcome.message), rawStatus: outcome.type }),
    type: name === step ? "step" : "verification",
    retries: Math.max(0, attempts - 1),
    flaky: status === "passed" && attempts > 1,
  };
}

function statusOf(outcome: Case["outcome"]): Status {
  if (outcome === null) return "passed";
  if (outcome.kind === "failure") return "failed";
  if (outcome.kind === "skipped") return outcome.type === "pending" ? "pending" : "skipped";
  return "other";
}
