/** Who starts an executor, with what, and what the end of this command means for it: shared by every verb that starts one. */
import type { Person } from "../../engine/events.ts";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { loginName } from "../../host/environment.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import type { Executor } from "./launch.ts";

/** The OS account, as runs record it. */
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
export function detached(command: Command, run: string, executor: Executor): number {
  executor.disconnect();
  executor.child.unref();
  if (command.output === "json") command.json({ format: "runbook.started/1.0", run });
  else command.print(run);
  command.say(`next: runbook attach ${run}`);
  return exitCodes.ok;
}

/** Sensitive inputs are never kept: they come again by flag or RUNBOOK_INPUT_NAME. Exit 2 naming those missing. */
export function sensitiveInputs(record: RunRecord, args: Arguments): Record<string, string> {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  for (const input of record.started.inputs) {
    if (!input.sensitive || input.value === null) continue;
    const flag = args.texts("input").find((word) => word.startsWith(`${input.name}=`));
    const value = flag?.slice(input.name.length + 1) ?? process.env[`RUNBOOK_INPUT_${input.name.toUpperCase()}`];
    if (value === undefined) missing.push(input.name);
    else values[input.name] = value;
  }
  if (missing.length > 0) {
    const variables = missing.map((name) => `RUNBOOK_INPUT_${name.toUpperCase()}=…`).join(" ");
    throw new UsageError(
      `sensitive inputs are not kept; give them again: ${variables}`,
      `${variables} ${args.again({ without: ["input"] })}`,
    );
  }
  return values;
}
