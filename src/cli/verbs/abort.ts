/** `abort`: stop a run at the next safe point. Without an executor one is started, for `always` and the verdict. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { executorAlive } from "../../host/claim.ts";
import { leaveMessage } from "../../host/inbox.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../errors.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { watchRun } from "../follow/watch-run.ts";
import { startExecutor } from "../start/launch.ts";
import { sensitiveInputs, starter } from "../start/starter.ts";

export default async function abort(command: Command): Promise<number> {
  const { args, project } = command;
  const run = findRun(project.stateDir, args.words[0]);
  const loaded = loadRun(project.stateDir, run);
  const { record, runDir } = loaded;
  if (record.finished !== null) {
    throw new CommandError("refused", `${run} has ended as ${record.result}`, `runbook report ${run}`);
  }
  const reason = args.text("reason") ?? null;
  const rollback = args.on("rollback");
  if (executorAlive(runDir)) {
    leaveMessage(runDir, { kind: "abort", by: starter(), reason, rollback, now: args.on("now") });
    command.say(`asked ${run} to stop; next: runbook wait ${run}`);
    if (command.output === "json") command.json({ format: "runbook.abort/1.0", run, requested: true });
    return exitCodes.ok;
  }
  const executor = startExecutor({
    stateDir: project.stateDir,
    run,
    runbook: null,
    start: null,
    sensitive: sensitiveInputs(record, args),
    drive: {
      resumed: true,
      by: starter(),
      decisions: [],
      overrides: [],
      rollback,
      abort: { reason, rollback },
      refusal: null,
    },
    onDisconnect: "continue",
  });
  const code = await watchRun(command, { run, executor, from: loaded, keys: false });
  if (code === exitCodes.waiting)
    command.say(`${run} has something to undo or to clean up that waits for a person: an abort does not end that`);
  // The run ended as it was asked to: that is success for `abort`, whatever the run's own code.
  return code === exitCodes.failed || code === exitCodes.rolled_back ? exitCodes.ok : code;
}
