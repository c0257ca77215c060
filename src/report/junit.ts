/**
 * A run for programs that read test results: one suite per runbook, one case per step and one per verification. There is
 * no standard; this is the subset that CI systems agree on (https://github.com/testmoapp/junitxml).
 */
import type { RunRecord } from "../engine/run-record.ts";
import { inertLines } from "./inert.ts";
import { type Case, casesOf } from "./test-cases.ts";

export function junitReport(record: RunRecord): string {
  const { started, finished } = record;
  const cases = casesOf(record);
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

function caseText({ name, phase, suite, ms, outcome }: Case): string {
  const open = `    <testcase name="${xml(name)}" classname="${xml(`${suite}.${phase}`)}" time="${seconds(ms)}"`;
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
  return inertLines(text).replace(
    /[&<>"'\t\n\ufffe\uffff]/g,
    (c) =>
      ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;" })[c] ?? "",
  );
}
