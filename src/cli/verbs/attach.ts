/** `attach` and `wait`: follow a run from any terminal. `wait` shows nothing and only ends with the run's code. */
import type { Command } from "../command.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { watchRun } from "../follow/watch-run.ts";

export default async function attach(command: Command): Promise<number> {
  const run = findRun(command.project.stateDir, command.args.words[0]);
  const isWait = command.args.verb.name === "wait";
  const loaded = loadRun(command.project.stateDir, run);
  return await watchRun(command, {
    run,
    executor: null,
    keys: !isWait,
    ...(isWait ? { from: loaded } : {}),
  });
}
