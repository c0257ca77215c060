/** `run`: execute a runbook. Seals it, starts the executor in its own session, follows it. */

import type { Person } from "../../engine/events.ts";
import { exitCodes } from "../../engine/exit-codes.ts";
import { loginName } from "../../host/environment.ts";
import { planDigestOf } from "../../plan/build-plan.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { createRun, startExecutor } from "../launch.ts";
import { overridesOf } from "../overrides.ts";
import { prepare } from "../prepare.ts";
import { findRunbook } from "../project.ts";
import { watchRun } from "../watch-run.ts";
import plan from "./plan.ts";

export default async function run(command: Command): Promise<number> {
  const { args, project, cwd } = command;
  if (args.on("dry-run")) return await plan(command);
  const word = args.words[0];
  if (word === undefined) throw new UsageError("which runbook?", "runbook list");
  if (args.words.length > 1)
    throw new UsageError(
      `"${args.words[1]}" is one word too many; inputs are given as -i name=value`,
      "runbook run --help",
    );
  for (const flag of ["plan", "approval"] as const) {
    if (args.text(flag) !== undefined)
      throw new CommandError("usage", `--${flag} is not supported by this version`, "runbook approve --help");
  }
  const prepared = await prepare(command, findRunbook(project, cwd, word), args.text("target"), "refuse");
  const overrides = overridesOf(args, prepared.runbook);
  const { run: id, digests } = createRun(project.stateDir, prepared.files);
  const reasonInput = prepared.subject.inputs.find((input) => input.name === "reason" && !input.sensitive)?.value;
  const executor = startExecutor({
    stateDir: project.stateDir,
    run: id,
    start: {
      inputs: prepared.subject.inputs,
      files: digests,
      reason: args.text("reason") ?? (typeof reasonInput === "string" ? reasonInput : null),
      planDigest: planDigestOf(prepared.subject),
    },
    sensitive: Object.fromEntries(
      prepared.subject.inputs.filter((input) => input.sensitive).map((input) => [input.name, input.value]),
    ),
    drive: { resumed: false, by: starter(), decisions: [], overrides, rollback: false, abort: null, refusal: null },
    onDisconnect: onDisconnect(command),
  });
  if (args.on("detach")) return detached(command, id, executor);
  return await watchRun(command, { run: id, executor, keys: true });
}

export function starter(): Person {
  const login = loginName();
  return { name: login, method: "login", login, keyId: null, groups: [] };
}

export function onDisconnect(command: Command): "continue" | "stop" {
  const flag = command.args.text("on-disconnect");
  if (flag === "continue" || flag === "stop") return flag;
  if (flag !== undefined) throw new UsageError(`--on-disconnect takes continue or stop, not "${flag}"`);
  if (command.args.on("detach")) return "continue";
  return process.stderr.isTTY ? "continue" : "stop";
}

/** The id is printed at once; whether it started is for `status`. */
export function detached(command: Command, run: string, executor: ReturnType<typeof startExecutor>): number {
  executor.disconnect();
  executor.child.unref();
  if (command.output === "json") command.json({ format: "runbook.started/1.0", run });
  else command.print(run);
  command.say(`next: runbook attach ${run}`);
  return exitCodes.ok;
}
