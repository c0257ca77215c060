/**
 * Progress as lines: one event a line, fixed columns, UTC; for CI, pipes and screen readers. Complete by itself.
 */
import type { JournalRecord } from "../../engine/events.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { inertLine } from "../../report/inert.ts";
import { formatDuration } from "../../util/duration.ts";

/** CI systems kill silent jobs. */
const heartbeatMs = 30_000;

export interface Progress {
  record(entry: JournalRecord, run: RunRecord): void;
  end(): void;
}

export function plainProgress(write: (line: string) => void): Progress {
  const running = new Map<string, number>();
  const beat = setInterval(() => {
    for (const [step, since] of running) {
      const time = `${new Date().toISOString().slice(11, 19)}Z`;
      write(line(time, step, "running", formatDuration(Date.now() - since)));
    }
  }, heartbeatMs);
  beat.unref();
  return {
    record(entry, run) {
      if (entry.type === "step.started" && entry.action !== "") running.set(entry.step, Date.parse(entry.at));
      if (entry.type === "step.finished" || entry.type === "approval.requested") running.delete(entry.step);
      const words = describe(entry, run);
      if (words === null) return;
      const [step, verb, text] = words;
      write(line(`${entry.at.slice(11, 19)}Z`, step, verb, text));
    },
    end() {
      clearInterval(beat);
    },
  };
}

function line(time: string, step: string, verb: string, text: string): string {
  return `${time}  ${step.padEnd(18)} ${verb.padEnd(9)} ${inertLine(text)}`.trimEnd();
}

type Words = readonly [step: string, verb: string, text: string];

/** The head of the journal when the line is written: kept elsewhere, `verify --head` finds a rewritten one. */
function headOf(run: RunRecord): string {
  return `head=sha256:${run.headHash}`;
}

/** Null = not worth a line. */
function describe(entry: JournalRecord, run: RunRecord): Words | null {
  switch (entry.type) {
    case "run.started":
      return [
        "run",
        "start",
        `${entry.runbook}@${entry.version} ${entry.digest.slice(0, 15)}… ${entry.run} target=${entry.target} actor=${entry.actor} ${headOf(run)}`,
      ];
    case "executor.started":
      return entry.resumed ? ["run", "resume", `by a new executor (pid ${entry.pid})`] : null;
    case "recovery.truncated":
      return ["run", "repair", `${entry.bytes} bytes of a torn record were cut off and kept as ${entry.keptAs}`];
    case "step.started":
      return entry.action === ""
        ? null
        : [
            entry.step,
            "start",
            `${entry.effects.padEnd(5)} ${entry.action}${entry.attempt > 1 ? ` (attempt ${entry.attempt})` : ""}`,
          ];
    case "step.retrying":
      return [entry.step, "retry", `in ${formatDuration(entry.delayMs)}: ${entry.failure.message}`];
    case "step.skipped":
      return [entry.step, "skipped", entry.why];
    case "step.finished":
      return stepEnd(entry, run);
    case "step.indeterminate":
      return [entry.step, "unknown", `${entry.why}; ${entry.known}`];
    case "step.checked":
      return [
        entry.step,
        "check",
        `${entry.that} → ${entry.applied === null ? "could not tell" : entry.applied ? "yes" : "no"}`,
      ];
    case "step.undone":
      return [
        entry.step,
        entry.ok ? "undone" : "NOT undone",
        entry.verified === null ? "not verified" : entry.verified ? "verified" : "",
      ];
    case "approval.requested":
      return [
        entry.step,
        "waiting",
        `${entry.expiresAt ? `until=${entry.expiresAt.slice(11, 19)}Z ` : ""}${entry.from.length > 0 ? `from=${entry.from.join(",")} ` : ""}${headOf(run)} next: runbook approve ${entry.run}`,
      ];
    case "approval.decided":
      return [
        entry.step,
        entry.decision,
        `${entry.by ? `by=${entry.by.name}${entry.by.keyId ? ` key=${entry.by.keyId}` : ""}` : ""}${entry.reason ? ` reason=${JSON.stringify(entry.reason)}` : ""} ${headOf(run)}`.trimStart(),
      ];
    case "override.recorded":
      return [entry.step, "override", `reason=${JSON.stringify(entry.reason)} by=${entry.by.name}`];
    case "decision.recorded":
      return [entry.step, entry.decision, `reason=${JSON.stringify(entry.reason)} by=${entry.by.name}`];
    case "window.warned":
      return [entry.step, "warning", entry.why];
    case "abort.requested":
      return ["run", "abort", `by=${entry.by.name}${entry.reason ? ` reason=${JSON.stringify(entry.reason)}` : ""}`];
    case "signal.received":
      return ["run", "signal", `${entry.signal} (${entry.press})`];
    case "rollback.announced":
      return [
        "run",
        "rollback",
        `in ${formatDuration(entry.noticeMs)} unless stopped: ${entry.why}; would undo ${entry.steps.join(", ")}`,
      ];
    case "rollback.answered":
      return ["run", "rollback", `${entry.begin ? "at once" : "stopped, nothing is undone"} by=${entry.by.name}`];
    case "rollback.started":
      return ["run", "rollback", `${entry.why}; undoing ${entry.steps.join(", ") || "nothing"}`];
    case "rollback.finished":
      return ["run", "rollback", entry.ok ? "done" : "FAILED"];
    case "notification.sent":
      return [
        "notify",
        entry.ok ? "sent" : "FAILED",
        `${entry.on} by ${entry.stepType}${entry.ok ? "" : `: ${entry.detail}`}`,
      ];
    case "run.escalated":
      return ["run", "escalated", entry.reasons.map(({ message }) => message).join("; ")];
    case "run.waiting":
      return ["run", "waiting", entry.for.join(", ")];
    case "run.finished":
      return [
        "run",
        entry.result,
        `exit ${entry.exitCode} (${entry.exitName}) ${formatDuration(entry.durationMs)}: ${entry.summary}`,
      ];
    case "run.sealed":
      return ["run", "sealed", `${entry.records} records, head sha256:${run.headHash}`];
    default:
      return null;
  }
}

function stepEnd(entry: Extract<JournalRecord, { type: "step.finished" }>, run: RunRecord): Words {
  const outputs = Object.entries(entry.outputs)
    .filter(([, value]) => value !== null && typeof value !== "object")
    .map(([name, value]) => `${name}=${value}`);
  const why = entry.failure?.message ?? "";
  const unmet = entry.checks.flatMap(({ status, that, message, expected, actual }) => {
    const values = `expected ${expected}, actual ${actual}`;
    return status === "met" || why.includes(message ?? values) ? [] : [message ?? `${that}: ${values}`];
  });
  const message =
    entry.failure === null ? [...outputs, ...(entry.note ? [entry.note] : [])].join(" ") : [why, ...unmet].join("; ");
  const verb = entry.status === "succeeded" ? "ok" : entry.status;
  return [entry.step, verb, `${formatDuration(run.steps.get(entry.step)?.durationMs ?? entry.durationMs)}  ${message}`];
}
