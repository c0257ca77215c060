/**
 * A run for the textfile collector of Prometheus' node exporter: one file per run, gauges only
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Replace the file as a whole; the last one counts.
 */
import type { RunRecord } from "../engine/run-record.ts";

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function prometheusReport(record: RunRecord): string {
  const { started, finished } = record;
  const labels = { runbook: started.runbook, target: started.target };
  const one = (value: number | null | undefined, more: Readonly<Record<string, string>> = {}): Sample[] =>
    value === null || value === undefined ? [] : [{ labels: { ...labels, ...more }, value }];
  const objectives = finished?.objectives ?? [];
  const at = finished === null ? null : Date.parse(finished.at) / 1000;
  const metrics: [name: string, help: string, samples: Sample[]][] = [
    [
      "runbook_run_info",
      "The last run that was written here; always 1.",
      one(1, { version: started.version, run: record.run, result: record.result }),
    ],
    ["runbook_run_exit_code", "Its exit code: runbook help exit-codes.", one(finished?.exitCode)],
    ["runbook_run_duration_seconds", "From start to verdict.", one(inSeconds(finished?.durationMs))],
    ["runbook_run_waiting_seconds", "Of it waiting for people.", one(inSeconds(finished?.waitingMs))],
    [
      "runbook_objective_seconds",
      "What an objective measured.",
      objectives.flatMap(({ name, actualMs }) => one(inSeconds(actualMs), { objective: name })),
    ],
    [
      "runbook_objective_target_seconds",
      "What an objective allows.",
      objectives.flatMap(({ name, targetMs }) => one(inSeconds(targetMs), { objective: name })),
    ],
    ["runbook_deviations", "What did not go as written.", one(record.deviations.length)],
    ["runbook_last_run_timestamp_seconds", "When the last run had its verdict.", one(at)],
    [
      "runbook_last_success_timestamp_seconds",
      "When it last succeeded: alert when a drill is stale.",
      one(record.result === "succeeded" ? at : null),
    ],
  ];
  return metrics
    .filter(([, , samples]) => samples.length > 0)
    .map(([name, help, samples]) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} gauge`,
        ...samples.map((sample) => `${name}{${labelText(sample.labels)}} ${sample.value}`),
        "",
      ].join("\n"),
    )
    .join("");
}

function inSeconds(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : ms / 1000;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"')}"`)
    .join(",");
}
