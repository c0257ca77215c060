/** The documents of the reading verbs. */
import type { JsonSchema } from "../../util/json.ts";
import { effects, exit, objective, runResult, stepStatus } from "./shared.ts";
import {
  anything,
  count,
  described,
  digest,
  exactly,
  list,
  ms,
  oneOf,
  orNull,
  path,
  published,
  record,
  runId,
  text,
  time,
  truth,
} from "./words.ts";

const point = record({
  line: { type: "integer", minimum: 1 },
  column: { type: "integer", minimum: 1, description: "UTF-16 code units." },
  offset: count,
});
const range = record({ start: point, end: point });

const diagnostics = record({
  format: exactly("runbook.diagnostics/1.0"),
  files: count,
  errors: count,
  warnings: count,
  diagnostics: list(
    record({
      code: described(text, "Stable; `runbook validate --explain CODE`."),
      severity: oneOf("error", "warning"),
      message: text,
      file: text,
      range,
      hint: orNull(text),
      related: list(record({ message: text, file: text, range })),
    }),
  ),
});

const lastRun = record({ run: runId, result: runResult, startedAt: time, finishedAt: orNull(time), ageMs: ms });
const listed = record({
  name: text,
  file: text,
  version: orNull(text),
  title: orNull(text),
  owner: orNull(text),
  kind: orNull(text),
  tags: list(text),
  errors: count,
  targets: list(record({ target: text, protected: truth, last: orNull(lastRun) })),
  drill: orNull(
    record({ everyMs: ms, lastSuccessAt: orNull(time), dueAt: orNull(time), overdue: truth, daysSince: orNull(count) }),
  ),
  drillUnknown: truth,
});

const pastRun = record({
  run: runId,
  runbook: text,
  version: text,
  digest,
  target: text,
  result: runResult,
  exitCode: orNull(count),
  exitName: orNull(text),
  actor: text,
  startedAt: time,
  finishedAt: orNull(time),
  durationMs: orNull(ms),
  workingMs: orNull(ms),
  waitingMs: orNull(ms),
  objectives: list(objective),
  deviations: count,
  dir: text,
});

const totals = {
  runs: described(count, "With a verdict, and not refused."),
  succeeded: count,
  rolledBack: count,
  rollbackFailed: count,
  successRate: described(orNull({ type: "number", minimum: 0, maximum: 1 }), "Null: none of none is no data."),
};
const objectiveTotals = {
  name: text,
  targetMs: described(ms, "Of the newest run that states it."),
  measured: count,
  met: count,
  medianMs: orNull(ms),
  slowestMs: orNull(ms),
};

const verification = record({
  format: exactly("runbook.verification/1.0"),
  run: orNull(text),
  ok: truth,
  records: count,
  sealed: truth,
  signature: oneOf("valid", "absent", "invalid", "untrusted"),
  headHash: described(text, "Of the last good record: `sha256:…`."),
  anchoredSeq: described(orNull(count), "The record whose hash --head is."),
  signer: orNull(text),
  addendum: orNull(
    record({
      records: count,
      headHash: text,
      signatures: record({ valid: count, absent: count, invalid: count, untrusted: count }),
    }),
  ),
  check: orNull(
    record({
      standard: text,
      title: text,
      ok: truth,
      missing: list(text),
      fields: list(record({ field: text, title: text, clause: text, by: text, present: truth, how: orNull(text) })),
    }),
  ),
  problems: list(record({ code: text, seq: orNull(count), message: text })),
});

const trend = record({
  format: exactly("runbook.trend/1.0"),
  runbook: text,
  drills: described(
    list(
      record({
        run: runId,
        version: text,
        target: text,
        result: runResult,
        startedAt: time,
        finishedAt: time,
        objectives: list(objective),
        deviations: count,
        headHash: text,
        source: described(oneOf("run", "register"), "`register`: known from drills.ndjson only."),
      }),
    ),
    "Oldest first.",
  ),
  metAll: described(count, "How many succeeded and met every objective."),
  objectives: list(
    record({
      name: text,
      targetMs: ms,
      direction: oneOf("improving", "worsening", "steady", "unknown"),
      points: list(record({ run: runId, at: time, actualMs: orNull(ms), targetMs: ms, met: orNull(truth) })),
    }),
  ),
  slowest: list(
    record({
      step: text,
      runs: count,
      meanMs: ms,
      lastMs: ms,
      driftMs: described(orNull({ type: "number" }), "Last against the mean before it."),
    }),
  ),
  skipped: list(record({ step: text, times: count, runs: count, lastRun: runId })),
  lastSuccessAt: described(orNull(time), "Of all runs, also those left out by --since, --result and -n."),
  daysSinceProven: orNull(count),
});

const documents: Readonly<Record<string, readonly [title: string, schema: JsonSchema]>> = {
  diagnostics: ["What validate finds", diagnostics],
  explanation: [
    "validate --explain under -o json",
    record({
      format: exactly("runbook.explanation/1.0"),
      code: text,
      title: text,
      explanation: described(text, "Markdown."),
      wrong: text,
      right: text,
    }),
  ],
  error: [
    "A failure without a run, under -o json",
    record({ format: exactly("runbook.error/1.0"), ...exit, message: text, next: orNull(text) }),
  ],
  verification: ["What verify finds", verification],
  annotated: [
    "annotate under -o json",
    record({ format: exactly("runbook.annotated/1.0"), run: runId, added: count, headHash: text, signed: truth }),
  ],
  decision: [
    "approve and reject under -o json",
    record({
      format: exactly("runbook.decision/1.0"),
      run: runId,
      step: text,
      decision: oneOf("approved", "rejected"),
    }),
  ],
  list: ["The runbooks of a project", record({ format: exactly("runbook.list/1.0"), runbooks: list(listed) })],
  show: [
    "A runbook, or the runbook of a run with its results",
    record({
      format: exactly("runbook.show/1.0"),
      runbook: text,
      version: text,
      title: text,
      owner: text,
      kind: text,
      file: text,
      digest: described(digest, "Of the runbook's bytes."),
      run: described(orNull(runId), "The run whose results are told; null = nothing ran."),
      targets: list(text),
      inputs: list(
        record({
          name: text,
          type: text,
          required: truth,
          default: described(anything, "null = none."),
          description: text,
          sensitive: truth,
        }),
      ),
      steps: list(
        record({
          path,
          title: described(text, "With its `${{ }}` unfilled."),
          type: described(text, "A step type, `group`, `parallel` or `runbook`."),
          effects,
          status: described(orNull(stepStatus), "In the run; null = nothing is recorded."),
        }),
      ),
      markdown: described(text, "The document that is printed without -o json."),
    }),
  ],
  logs: [
    "The logs of a run's commands, oldest first",
    record({
      format: exactly("runbook.logs/1.0"),
      run: runId,
      dir: text,
      logs: list(
        record({
          step: path,
          attempt: count,
          stream: oneOf("stdout", "stderr"),
          file: described(text, "Masked bytes; relative to `dir`."),
          bytes: count,
        }),
      ),
    }),
  ],
  trend: ["How a runbook's runs develop", trend],
  history: [
    "Past runs, newest first",
    record({
      format: exactly("runbook.history/1.0"),
      runs: list(pastRun),
      unreadable: described(list(runId), "Runs whose journal cannot be read."),
      totals: described(
        record({
          ...totals,
          notCounted: described(count, "Refused, or without a verdict."),
          rollback: record({ runs: count, ...objectiveTotals }),
          runbooks: list(record({ runbook: text, target: text, ...totals, objectives: list(record(objectiveTotals)) })),
        }),
        "Of all runs of the runbook and time that were asked for, whatever --result and -n leave out.",
      ),
    }),
  ],
  prune: [
    "Runs past their retention",
    record({
      format: exactly("runbook.prune/1.0"),
      dryRun: truth,
      runs: list(
        record({
          run: runId,
          runbook: text,
          target: text,
          result: runResult,
          finishedAt: orNull(time),
          keptUntil: orNull(time),
          status: oneOf("kept", "past", "pruned"),
          why: orNull(text),
        }),
      ),
      unreadable: described(list(runId), "Runs whose journal cannot be read; they are left alone."),
    }),
  ],
  doctor: [
    "What doctor finds",
    record({
      format: exactly("runbook.doctor/1.0"),
      ok: truth,
      checks: list(
        record({ check: text, status: oneOf("ok", "warning", "problem"), detail: text, next: orNull(text) }),
      ),
    }),
  ],
  keys: [
    "keys list",
    record({
      format: exactly("runbook.keys/1.0"),
      approvers: list(record({ group: text, name: text, key: text, id: orNull(text), problem: orNull(text) })),
    }),
  ],
  key: [
    "keys new",
    record({
      format: exactly("runbook.key/1.0"),
      name: text,
      id: text,
      privateFile: text,
      publicFile: text,
      publicLine: text,
      approver: described(text, "The YAML to paste under a group of policy.approvers."),
    }),
  ],
  written: [
    "Files that new, init or docs wrote, left alone or found stale",
    record({
      format: exactly("runbook.written/1.0"),
      files: list(
        record({
          file: text,
          status: oneOf("written", "added-to", "kept", "unchanged", "stale", "removed"),
          detail: orNull(text),
        }),
      ),
    }),
  ],
};

export const otherSchemas: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  Object.entries(documents).map(([name, [title, schema]]) => [name, published(name, title, schema)]),
);
