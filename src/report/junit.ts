/**
 * A run for programs that read test results: one suite per runbook, one case per step and one per verification. There is
 * no standard; this is the subset that CI systems agree on (https://github.com/testmoapp/junitxml).
 */
import type { CheckOutcome } from "../engine/events.ts";
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { inert } from "./inert.ts";
import { isGroup, stepsInOrder } from "./step-order.ts";

interface Case {
  readonly name: string;
  readonly className: string;
  readonly ms: number;
  readonly outcome: null | {
    readonly kind: "failure" | "error" | "skipped";
    readonly type: string;
    readonly message: string;
  };
}

export function junitReport(record: RunRecord): string {
  const { started, finished } = record;
  const all = stepsInOrder(record);
  const cases = all.filter((step) => !isGroup(step, all)).flatMap((step) => casesOf(step, started.runbook));
  const count = (kind: string) => cases.filter((item) => item.outcome?.kind === kind).length;
  const totals =
    `tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}" skipped="${count("skipped")}" ` +
    `time="${seconds(finished?.durationMs ?? 0)}"`;
  const properties = [
    ["run", record.run],
    ["version", started.version],
    ["target", started.target],
    ["result", record.result],
    ["digest", started.digest],
    ["head", `sha256:${record.headHash}`],
  ].map(([name, value]) => `      <property name="${name}" value="${xml(value ?? "")}"/>`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="runbook" ${totals}>`,
    `  <testsuite name="${xml(started.runbook)}" timestamp="${started.at.slice(0, 19)}" ${totals}>`,
    "    <properties>",
    ...properties,
    "    </properties>",
    ...cases.map(caseText),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function casesOf(step: StepRecord, suite: string): Case[] {
  const className = `${suite}.${step.phase}`;
  return [
    { name: step.path, className, ms: step.durationMs ?? 0, outcome: stepOutcome(step) },
    ...step.checks.map((check) => ({
      name: `${step.path}: ${check.that}`,
      className,
      ms: 0,
      outcome: checkOutcome(check),
    })),
  ];
}

function stepOutcome(step: StepRecord): Case["outcome"] {
  const message = step.failure?.message ?? step.why ?? step.status.replace("_", " ");
  switch (step.status) {
    case "succeeded":
    case "undone":
      return null;
    case "skipped":
      return { kind: "skipped", type: "skipped", message };
    case "pending":
      return { kind: "skipped", type: "pending", message: "not reached" };
    case "failed":
    case "timed_out":
      return { kind: "failure", type: step.failure?.reason ?? step.status, message };
    default:
      // Cancelled, waiting, of unknown outcome: nobody can say that it failed.
      return { kind: "error", type: step.status, message };
  }
}

function checkOutcome(check: CheckOutcome): Case["outcome"] {
  if (check.status === "met") return null;
  const message = check.message ?? `expected ${check.expected}, actual ${check.actual}`;
  if (check.status === "undecided" || check.severity === "warning")
    return { kind: "skipped", type: check.status, message: `${check.status.replace("_", " ")}: ${message}` };
  return { kind: check.status === "could_not_run" ? "error" : "failure", type: check.status, message };
}

function caseText({ name, className, ms, outcome }: Case): string {
  const open = `    <testcase name="${xml(name)}" classname="${xml(className)}" time="${seconds(ms)}"`;
  if (outcome === null) return `${open}/>`;
  const { kind, type, message } = outcome;
  if (kind === "skipped") return `${open}><skipped message="${xml(message)}"/></testcase>`;
  return `${open}><${kind} type="${xml(type)}" message="${xml(message)}"/></testcase>`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** Attribute text of XML 1.0, which has no way to write most control characters: they are shown as `\u001b`. */
function xml(text: string): string {
  return inert(text).replace(
    /[&<>"'\t\n\ufffe\uffff]/g,
    (c) =>
      ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;" })[c] ?? "",
  );
}
