/** A run for CTRF readers and as an OpenTelemetry trace, against the shape of both formats. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { ctrfReport } from "../../src/report/ctrf.ts";
import { parentOf, tracesOf } from "../../src/report/otlp.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

const ajv = new Ajv2020({ allErrors: true, strict: false });
const schemaOf = (name: string) =>
  ajv.compile(JSON.parse(readFileSync(join(import.meta.dirname, `../fixtures/formats/${name}.schema.json`), "utf8")));
const ctrf = schemaOf("ctrf");
const otlp = schemaOf("otlp-traces");

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}
const spansOf = (traces: object) =>
  (traces as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }).resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
const attribute = (span: Span | undefined, key: string) =>
  Object.values(span?.attributes.find((item) => item.key === key)?.value ?? {})[0];

describe.each(Object.entries(stories))("%s", (_, story) => {
  test("as CTRF has the shape, and totals that are those of its tests", () => {
    const report = JSON.parse(ctrfReport(story().fold()));
    expect(ctrf(report), JSON.stringify(ctrf.errors)).toBe(true);
    const { summary, tests } = report.results;
    expect(summary.tests).toBe(tests.length);
    for (const status of ["passed", "failed", "pending", "skipped", "other"]) {
      expect([status, summary[status]]).toEqual([
        status,
        tests.filter((t: { status: string }) => t.status === status).length,
      ]);
    }
  });

  test("as a trace has the shape, one root, and spans that lie in their parents", () => {
    const traces = tracesOf(story().fold());
    expect(otlp(traces), JSON.stringify(otlp.errors)).toBe(true);
    const spans = spansOf(traces);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    expect(byId.size).toBe(spans.length);
    expect(spans.filter((span) => span.parentSpanId === undefined)).toHaveLength(1);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
    for (const span of spans) {
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
      if (span.parentSpanId !== undefined) expect(byId.has(span.parentSpanId)).toBe(true);
    }
  });
});

test("what failed is failed, what was undone says why, what was never reached is pending", () => {
  const report = JSON.parse(ctrfReport(stories.rolledBack().fold()));
  const named = (name: string) => report.results.tests.find((item: { name: string }) => item.name === name);
  expect(named("confirm.latency")).toMatchObject({
    status: "failed",
    type: "step",
    suite: ["rollback-production", "steps"],
  });
  expect(report.extra).toMatchObject({
    result: "rolled_back",
    headHash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  });
  const refused = JSON.parse(ctrfReport(stories.refused().fold())).results;
  expect(refused.summary.pending).toBeGreaterThan(0);
  expect(refused.summary.failed + refused.summary.other).toBeGreaterThan(0);
});

test("a trace names pipeline, tasks and results by the CI/CD conventions", () => {
  const spans = spansOf(tracesOf(stories.rolledBack().fold()));
  const [root] = spans;
  expect(root?.name).toBe("RUN rollback-production");
  expect(attribute(root, "cicd.pipeline.result")).toBe("failure");
  expect(attribute(root, "runbook.result")).toBe("rolled_back");
  expect(root?.status.code).toBe(2);
  const task = spans.find((span) => attribute(span, "cicd.pipeline.task.name") === "confirm.latency");
  expect(task?.parentSpanId).toBe(root?.spanId);
  expect([task?.status.code, attribute(task, "cicd.pipeline.task.run.result")]).toEqual([2, "failure"]);
  const attempt = spans.find((span) => span.parentSpanId === task?.spanId);
  expect(attempt?.name).toBe("attempt 1");
});

test("a trace that is sent twice is the same one; one that was started by a span hangs below it", () => {
  const record = stories.succeeded().fold();
  expect(tracesOf(record)).toEqual(tracesOf(record));
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const below = spansOf(tracesOf(record, `00-${traceId}-b7ad6b7169203331-01`));
  expect(below[0]).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331" });
  for (const wrong of [undefined, "", "00-0-0-01", `00-${"0".repeat(32)}-b7ad6b7169203331-01`, `01-${traceId}-x-01`]) {
    expect(parentOf(wrong)).toBe(null);
  }
});

test("text of others is inert in both", () => {
  const hostile = "\u001b]0;x\u0007\r\u202e<b>";
  const failure = { class: "failed" as const, reason: "x", message: hostile, facts: {} };
  const record = new JournalBuilder()
    .start([{ path: "a", title: hostile }])
    .step("a", { failure, status: "failed" })
    .finish("failed", 1)
    .seal()
    .fold();
  for (const document of [JSON.parse(ctrfReport(record)), tracesOf(record)]) {
    const texts: string[] = [];
    JSON.stringify(document, (_, value) => {
      if (typeof value === "string") texts.push(value);
      return value;
    });
    expect(texts.length).toBeGreaterThan(20);
    expect(texts.filter((text) => /[\u0000-\u001f\u202e]/.test(text))).toEqual([]);
  }
});
