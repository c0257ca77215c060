/**
 * A run as an OpenTelemetry trace in OTLP's JSON encoding (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding),
 * with the names of the CI/CD conventions (https://opentelemetry.io/docs/specs/semconv/cicd/cicd-spans/): a span for the run,
 * below it one per step, below that one per attempt. Ids come from the run, so a trace sent twice is the same trace.
 */
import { createHash } from "node:crypto";
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { inertLine } from "./inert.ts";
import { stepsInOrder } from "./step-order.ts";
import { isFailed } from "./verdict.ts";

type Value = string | number | boolean | null;

const kinds = { internal: 1, server: 2 } as const;
const statuses = { unset: 0, ok: 1, error: 2 } as const;

/** `traceparent` of https://www.w3.org/TR/trace-context/: the span that started the run; null = none, or not readable. */
export function parentOf(traceparent: string | undefined): { traceId: string; spanId: string } | null {
  const [, traceId = "", spanId = ""] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? "") ?? [];
  return /[1-9a-f]/.test(traceId) && /[1-9a-f]/.test(spanId) ? { traceId, spanId } : null;
}

/** The body of a request to `/v1/traces`. */
export function tracesOf(record: RunRecord, traceparent?: string): object {
  const { started, finished } = record;
  const parent = parentOf(traceparent);
  const traceId = parent?.traceId ?? hex(`trace ${record.run} ${started.at}`, 32);
  const id = (name: string) => hex(`span ${record.run} ${started.at} ${name}`, 16);
  const span = (
    name: string,
    own: { id: string; parent: string | null; kind: keyof typeof kinds },
    times: { from: string; to: string },
    attributes: Readonly<Record<string, Value>>,
    status: { code: number; message?: string },
  ) => ({
    traceId,
    spanId: own.id,
    ...(own.parent === null ? {} : { parentSpanId: own.parent }),
    name: inertLine(name),
    kind: kinds[own.kind],
    startTimeUnixNano: nanos(times.from),
    endTimeUnixNano: nanos(times.to),
    attributes: attributesOf(attributes),
    status,
  });
  const end = finished?.at ?? record.lastAt;
  const root = span(
    `RUN ${started.runbook}`,
    { id: id(""), parent: parent?.spanId ?? null, kind: "server" },
    { from: started.at, to: end },
    {
      "cicd.pipeline.name": started.runbook,
      "cicd.pipeline.run.id": record.run,
      "cicd.pipeline.result": pipelineResult(record),
      "cicd.pipeline.action.name": "RUN",
      "runbook.version": started.version,
      "runbook.target": started.target,
      "runbook.result": record.result,
      "runbook.exit_code": finished?.exitCode ?? null,
      "runbook.deviations": record.deviations.length,
      "runbook.head_hash": `sha256:${record.headHash}`,
    },
    record.result === "succeeded"
      ? { code: statuses.ok }
      : { code: statuses.error, message: inertLine(finished?.summary || record.result) },
  );
  const steps = stepsInOrder(record).flatMap((step) => {
    if (step.startedAt === null) return [];
    const own = id(step.path);
    const message = inertLine(step.failure?.message ?? step.why ?? "");
    const status = isFailed(step)
      ? { code: statuses.error, ...(message === "" ? {} : { message }) }
      : { code: step.status === "succeeded" ? statuses.ok : statuses.unset };
    const attempts = step.attempts.map((attempt) =>
      span(
        `attempt ${attempt.attempt}`,
        { id: id(`${step.path} ${attempt.attempt}`), parent: own, kind: "internal" },
        { from: attempt.startedAt, to: attempt.finishedAt ?? step.finishedAt ?? end },
        { "runbook.attempt": attempt.attempt, "runbook.status": attempt.status },
        { code: attempt.status === "succeeded" ? statuses.ok : statuses.error },
      ),
    );
    const task = span(
      step.title,
      { id: own, parent: id(""), kind: "internal" },
      { from: step.startedAt, to: step.finishedAt ?? end },
      {
        "cicd.pipeline.task.name": step.path,
        "cicd.pipeline.task.run.id": `${record.run}/${step.path}`,
        "cicd.pipeline.task.run.result": taskResult(step),
        "runbook.step.type": step.stepType,
        "runbook.step.effects": step.effects,
        "runbook.step.phase": step.phase,
        "runbook.step.status": step.status,
      },
      status,
    );
    return [task, ...attempts];
  });
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ "service.name": "runbook", "service.version": started.tool }) },
        scopeSpans: [{ scope: { name: "runbook", version: started.tool }, spans: [root, ...steps] }],
      },
    ],
  };
}

function pipelineResult({ result }: RunRecord): string {
  if (result === "succeeded") return "success";
  if (result === "aborted") return "cancellation";
  return result === "refused" ? "skip" : result === "failed" || result === "rolled_back" ? "failure" : "error";
}

function taskResult({ status }: StepRecord): string {
  if (status === "succeeded" || status === "undone") return "success";
  if (status === "skipped" || status === "pending") return "skip";
  if (status === "timed_out") return "timeout";
  if (status === "cancelled") return "cancellation";
  return status === "failed" || status === "undo_failed" ? "failure" : "error";
}

function attributesOf(values: Readonly<Record<string, Value>>): object[] {
  return Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [{ key, value: anyValue(value) }]));
}

/** Whole numbers of 64 bits are texts in JSON. */
function anyValue(value: string | number | boolean): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

function nanos(at: string): string {
  return `${BigInt(Date.parse(at)) * 1_000_000n}`;
}

function hex(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
