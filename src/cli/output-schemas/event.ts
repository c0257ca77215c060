/** The events of `-o ndjson` and `journal.ndjson`: one object a line. */
import type { JournalEvent } from "../../engine/events.ts";
import type { JsonSchema } from "../../util/json.ts";
import { artifact, budget, checkFields, effects, failure, phase, runResult, stepStatus, waitKind } from "./shared.ts";
import {
  anything,
  count,
  described,
  digest,
  exactly,
  hex,
  list,
  map,
  mapOf,
  ms,
  oneOf,
  orNull,
  path,
  published,
  record,
  recordWith,
  runId,
  text,
  time,
  truth,
  whole,
} from "./words.ts";

const person = record({
  name: text,
  method: oneOf("login", "signature", "approval-file"),
  login: text,
  keyId: orNull(text),
  groups: list(text),
});
const check = record({ ...checkFields, show: anything });
const stream = recordWith(
  {
    file: described(text, "Relative to the run directory; `bytes` and `sha256` are of this file."),
    bytes: count,
    sha256: text,
    droppedBytes: described(count, "Bytes of the stream that are not in the file."),
  },
  { whole: record({ bytes: count, sha256: text }) },
);
const output = record({ stdout: stream, stderr: stream, excerpt: record({ stdout: text, stderr: text }) });
const attempt = { type: "integer", minimum: 1 };
const stepFacts = { step: path };

const keeping = record({
  owner: text,
  description: text,
  windows: list(record({ step: path, name: text, hours: text, timezone: text, mode: oneOf("block", "warn") })),
  retentionMs: orNull(ms),
  drillEveryMs: orNull(ms),
  layout: orNull(described(text, "Among the sealed files.")),
  append: orNull(text),
  artifactsDir: orNull(text),
});

/** Fields of each type, besides `seq at run type hash`. */
const eventFields = {
  "run.started": recordWith(
    {
      format: exactly("runbook.journal/1.0"),
      tool: text,
      runbook: text,
      version: text,
      title: text,
      kind: text,
      digest,
      planDigest: digest,
      target: text,
      protected: truth,
      actor: text,
      reason: orNull(text),
      inputs: list(record({ name: text, value: anything, source: text, sensitive: truth })),
      secrets: list(text),
      files: described(mapOf(digest), "Sealed file, relative to the run directory → its digest."),
      source: record({ file: text, commit: orNull(text), dirty: orNull(truth) }),
      environment: map,
      objectives: list(record({ name: text, targetMs: ms })),
      budgetMs: orNull(ms),
      steps: list(record({ path, id: text, title: text, phase, stepType: text, effects, note: orNull(text) })),
    },
    { keeping },
  ),
  "executor.started": recordWith(
    {
      pid: count,
      startTime: { type: "number" },
      bootId: text,
      host: text,
      uptimeMs: ms,
      node: text,
      tool: text,
      resumed: truth,
    },
    { signer: orNull(described(text, "Id of the key that signs the evidence.")) },
  ),
  "executor.stopped": record({ why: text }),
  "recovery.truncated": record({ bytes: count, sha256: text, keptAs: text }),
  "lock.acquired": record({ key: text }),
  "lock.released": record({ key: text }),
  "step.skipped": record({ ...stepFacts, title: text, why: text }),
  "step.started": record({
    ...stepFacts,
    title: text,
    attempt,
    phase,
    stepType: text,
    effects,
    action: text,
    definition: text,
  }),
  "command.started": record({
    ...stepFacts,
    attempt,
    command: text,
    argv: list(text),
    cwd: text,
    env: described(list(text), "Names only."),
    effects,
    timeoutMs: ms,
  }),
  "command.finished": record({
    ...stepFacts,
    attempt,
    command: text,
    exitCode: orNull(whole),
    signal: orNull(text),
    cause: text,
    durationMs: ms,
    drained: truth,
    survivors: list(count),
    outputGap: text,
    adopted: truth,
    output,
  }),
  "step.retrying": record({ ...stepFacts, attempt, delayMs: ms, failure }),
  "step.polled": record({ ...stepFacts, polls: count, checks: list(check) }),
  "step.finished": record({
    ...stepFacts,
    status: stepStatus,
    attempt: count,
    durationMs: ms,
    outputs: map,
    checks: list(check),
    artifacts: list(artifact),
    failure: orNull(failure),
    result: anything,
    note: orNull(text),
  }),
  "budget.exceeded": record({ ...stepFacts, targetMs: ms, actualMs: ms }),
  "step.indeterminate": record({ ...stepFacts, attempt: count, why: text, known: text }),
  "step.checked": record({
    ...stepFacts,
    that: text,
    applied: orNull(truth),
    actual: orNull(text),
    why: oneOf("retry", "resume", "probe", "undo"),
  }),
  "decision.recorded": record({ ...stepFacts, decision: oneOf("accept", "retry", "skip"), reason: text, by: person }),
  "override.recorded": record({ ...stepFacts, reason: text, by: person }),
  "window.warned": record({ ...stepFacts, window: text, now: text, why: text }),
  "approval.requested": record({
    ...stepFacts,
    kind: waitKind,
    title: text,
    prompt: text,
    from: list(text),
    min: count,
    selfApproval: truth,
    expiresAt: orNull(time),
    shown: text,
    shownDigest: text,
    nonce: text,
    bound: list(record({ step: path, action: text })),
    evidence: oneOf("none", "note", "file"),
  }),
  "approval.decided": record({
    ...stepFacts,
    decision: oneOf("approved", "rejected", "expired", "refused"),
    by: orNull(person),
    reason: orNull(text),
    shownDigest: text,
    signature: orNull(text),
    attachments: list(artifact),
  }),
  "signal.received": record({ signal: text, press: count }),
  "abort.requested": record({ by: person, reason: orNull(text), rollback: truth, now: truth }),
  "rollback.announced": record({ why: text, steps: list(path), noticeMs: ms }),
  "rollback.answered": record({ begin: truth, by: person }),
  "rollback.started": record({ why: text, steps: list(path) }),
  "step.undone": record({ ...stepFacts, ok: truth, verified: orNull(truth) }),
  "rollback.finished": record({ ok: truth }),
  "run.waiting": record({ for: list(path) }),
  "run.resumed": record({ by: person, waitedMs: ms }),
  "clock.anomaly": record({ wallMs: { type: "number" }, bootMs: { type: "number" } }),
  "notification.sent": record({ on: text, stepType: text, ok: truth, detail: text }),
  "secrets.scanned": record({
    files: count,
    bytes: count,
    leaks: list(record({ file: text, secret: described(text, "Its name, never its value.") })),
    problem: orNull(text),
  }),
  "run.escalated": record({
    reasons: list(record({ reason: oneOf("third-failure", "secret-found", "over-budget"), message: text })),
    runs: described(list(text), "The failed runs before this one that count."),
  }),
  "verdict.reopened": record({ why: text, by: person }),
  "run.finished": record({
    result: runResult,
    exitCode: count,
    exitName: text,
    durationMs: ms,
    workingMs: ms,
    waitingMs: ms,
    objectives: list(record({ name: text, targetMs: ms, actualMs: orNull(ms), met: orNull(truth), measured: text })),
    budget: orNull(budget),
    summary: text,
  }),
  "run.sealed": record({ records: count, headHash: hex }),
} as const satisfies Record<JournalEvent["type"], JsonSchema>;

const types = Object.keys(eventFields);

const version = recordWith(
  { type: exactly("version"), format: exactly("runbook.events/1.0"), runbook: described(text, "Version of the tool.") },
  {},
);

/** Every line is an event or the version line; each type has its own fields. */
const event: JsonSchema = {
  type: "object",
  required: ["type"],
  properties: { type: oneOf("version", ...types) },
  allOf: [
    {
      if: { properties: { type: exactly("version") } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: version,
      else: record({ seq: { type: "integer", minimum: 1 }, at: time, run: runId, hash: hex }),
    },
    ...types.map((type) => ({
      if: { properties: { type: exactly(type) } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { $ref: `#/$defs/${type}` },
    })),
  ],
  $defs: eventFields,
};

export const eventSchemas: Readonly<Record<string, JsonSchema>> = {
  event: published("event", "A line of -o ndjson and of journal.ndjson", event),
};
