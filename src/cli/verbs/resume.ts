/** `resume`: go on after a failure, a crash or a wait, by what the journal says. */
import type { DriveRequest } from "../../engine/engine.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { executorAlive } from "../../host/claim.ts";
import { checkSealed } from "../../host/sealed-run.ts";
import type { Runbook } from "../../language/runbook.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../errors.ts";
import { isOver, nothingToResume, owesEvidence } from "../execute/evidence-owed.ts";
import { loadSealed } from "../execute/sealed-runbook.ts";
import { reportRequests } from "../follow/report-requests.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { codeOf, waitForPersonMs, watchRun } from "../follow/watch-run.ts";
import { usePluginsOfRun } from "../project/plugins.ts";
import { refuseForged } from "../start/approval-signature.ts";
import { packRunbook } from "../start/executor-request.ts";
import { gateAt } from "../start/gates.ts";
import { startExecutor } from "../start/launch.ts";
import { overridesOf, requireReason, stepAt, stepPath } from "../start/overrides.ts";
import { detached, onDisconnect, sensitiveInputs, starter } from "../start/starter.ts";
import { undoNoticeMs } from "../terminal/undo-notice.ts";

export default async function resume(command: Command): Promise<number> {
  const { args, project } = command;
  // What is wrong with them is told before anything goes on.
  reportRequests(command);
  waitForPersonMs(args);
  const run = findRun(project.stateDir, args.words[0]);
  const loaded = loadRun(project.stateDir, run);
  const { record, runDir } = loaded;
  checkSealed(runDir, record.started.files);
  await usePluginsOfRun(runDir, record.started.files);
  if (executorAlive(runDir)) {
    throw new CommandError("refused", `${run} is running; there is nothing to resume`, `runbook attach ${run}`);
  }
  const { runbook, config } = loadSealed(runDir, { isProven: true });
  refuseForged(record, config.policy);
  const decisions = decisionsOf(command, record, runbook);
  const overrides = overridesOf(args, runbook, [...record.steps.keys()]);
  const decided = decisions.length + overrides.length > 0 || args.on("rollback");
  const isOwed = isOver(record) && owesEvidence(runDir, record);
  const mayAsk = command.terminal.interactive && !decided && !isOwed && !args.on("detach");
  if (!isOwed || decided) refuseIdle(record, decided || mayAsk);
  const asks = mayAsk && (hasUnknown(record) || (!args.on("yes") && record.result !== "waiting"));
  const change = asks ? await (await import("../terminal/prompts.ts")).askResume(command, record) : {};
  if (change === null) {
    command.say(`left as it is; next: runbook resume ${run}`);
    return codeOf(record, null);
  }
  const executor = startExecutor({
    stateDir: project.stateDir,
    run,
    runbook: packRunbook(runbook),
    start: null,
    sensitive: sensitiveInputs(record, args),
    drive: {
      resumed: true,
      by: starter(),
      decisions,
      overrides,
      rollback: args.on("rollback"),
      abort: null,
      refusal: null,
      undoNoticeMs: undoNoticeMs(command),
      ...change,
    },
    onDisconnect: onDisconnect(command),
  });
  if (args.on("detach")) return detached(command, run, executor);
  return await watchRun(command, { run, executor, from: loaded, keys: true, introduced: asks });
}

function hasUnknown(record: RunRecord): boolean {
  return [...record.steps.values()].some((step) => step.status === "indeterminate");
}

function refuseIdle(record: RunRecord, decided: boolean): void {
  const { run } = record;
  if (isOver(record)) throw nothingToResume(record);
  const unknown = [...record.steps.values()].filter((step) => step.status === "indeterminate");
  if (unknown.length > 0 && !decided) {
    const step = unknown[0]?.path;
    throw new CommandError(
      "waiting",
      `nobody knows whether ${step} took effect: ${unknown[0]?.why}`,
      `runbook resume ${run} --accept ${step} --reason "…"   or   --retry ${step}`,
    );
  }
}

/** A step of an item that has begun, which the run has not come to. */
function isToCome(record: RunRecord, runbook: Runbook, path: string): boolean {
  const item = path.slice(0, path.lastIndexOf("]") + 1);
  return item !== "" && record.steps.has(item) && stepAt(runbook, path) !== undefined;
}

/** Skip and accept are refused on gates: those have only `--override`. */
function decisionsOf(command: Command, record: RunRecord, runbook: Runbook): DriveRequest["decisions"] {
  const { args } = command;
  return (["accept", "retry", "skip"] as const).flatMap((decision) =>
    args.texts(decision).map((word) => {
      const path = isToCome(record, runbook, word) ? word : stepPath(runbook, word, [...record.steps.keys()]);
      const gate = decision === "retry" ? null : gateAt(runbook, path);
      if (gate !== null) {
        const what = decision === "skip" ? "skipped" : "accepted";
        const holds = gate.path === path ? "" : `it holds ${gate.path}, and for that `;
        throw new CommandError(
          "refused",
          `${path} may not be ${what}: ${holds}${gate.mayOverride ? "use --override" : "its author allowed no override"}`,
          gate.mayOverride
            ? `runbook resume ${record.run} --override ${gate.path} --reason "…"`
            : `runbook status ${record.run}`,
        );
      }
      const status = record.steps.get(path)?.status ?? "pending";
      if (status === "succeeded" || status === "undone") {
        throw new CommandError(
          "refused",
          `${path} is ${status}; it will not run again`,
          `runbook status ${record.run}`,
        );
      }
      return {
        decision,
        step: path,
        reason: decision === "retry" ? (args.text("reason") ?? "asked for") : requireReason(args, `--${decision}`),
      };
    }),
  );
}
