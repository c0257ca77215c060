/** `run`: execute a runbook. Seals it, starts the executor in its own session, follows it. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Person } from "../../engine/events.ts";
import { exitCodes } from "../../engine/exit-codes.ts";
import { systemClock } from "../../host/clock.ts";
import { loginName } from "../../host/environment.ts";
import { planDigestOf } from "../../plan/build-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { MASK } from "../../util/mask/masker.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { createRun, startExecutor } from "../launch.ts";
import { overridesOf, stepsByPath } from "../overrides.ts";
import { checkPlanApproval, readPlanFile } from "../plan-approval.ts";
import { approverKeys, type Prepared, prepare } from "../prepare.ts";
import { findRunbook } from "../project.ts";
import { reportRequests } from "../run-reports.ts";
import { watchRun } from "../watch-run.ts";
import plan from "./plan.ts";

export default async function run(command: Command): Promise<number> {
  const { args, project, cwd } = command;
  if (args.on("dry-run")) return await plan(command);
  const saved = args.text("plan") === undefined ? null : readPlanFile(resolve(cwd, args.text("plan") ?? ""));
  const word = args.words[0] ?? saved?.runbook;
  if (word === undefined) throw new UsageError("which runbook?", "runbook list");
  if (args.words.length > 1)
    throw new UsageError(
      `"${args.words[1]}" is one word too many; inputs are given as -i name=value`,
      "runbook run --help",
    );
  reportRequests(command);
  const path = findRunbook(project, cwd, word);
  const prepared =
    saved === null
      ? await prepare(command, path, args.text("target"), "refuse")
      : await prepareSaved(command, path, saved);
  const approval = approvalFor(command, prepared);
  const overrides = overridesOf(args, prepared.runbook);
  await confirmProtected(command, prepared);
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
      approval,
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

/** Before a run in a terminal changes a protected target, its name is typed. `-y` never stands for that. */
async function confirmProtected(command: Command, prepared: Prepared): Promise<void> {
  const { target } = prepared;
  const writes = [...stepsByPath(prepared.runbook).values()].some((step) => step.effects !== "read");
  if (!command.terminal.interactive || !target.protected || !writes) return;
  const { confirmTarget } = await import("../prompts.ts");
  if (await confirmTarget(command, prepared.runbook.name, target.name)) return;
  throw new CommandError("refused", `${target.name} was not confirmed; nothing was started`);
}

/** A saved plan is run exactly, or refused: what it was made of is prepared again and must give its digest. */
async function prepareSaved(command: Command, path: string, saved: Plan): Promise<Prepared> {
  const { args } = command;
  const target = args.text("target");
  if (target !== undefined && target !== saved.target) {
    throw new UsageError(`-t ${target} contradicts the plan, which is for ${saved.target}`);
  }
  const kept = saved.inputs.filter(
    (input) => input.value !== MASK && input.source !== "default" && input.source !== "none",
  );
  const given = new Set(args.texts("input").map((word) => word.slice(0, word.indexOf("="))));
  const words = kept.map(
    (input) => `${input.name}=${typeof input.value === "string" ? input.value : JSON.stringify(input.value)}`,
  );
  for (const word of words) {
    const name = word.slice(0, word.indexOf("="));
    if (given.has(name) && !args.texts("input").includes(word))
      throw new UsageError(`-i ${name} contradicts the plan: it was made with ${word}`);
  }
  const prepared = await prepare(command, path, saved.target, "refuse", [...args.texts("input"), ...words]);
  const digest = planDigestOf(prepared.subject);
  if (digest !== saved.planDigest) {
    throw new CommandError(
      "refused",
      `the plan is stale: it was ${saved.planDigest}, and now it would be ${digest}; the runbook, its files, an input or the target changed since`,
      `runbook plan ${saved.runbook} -t ${saved.target} --save FILE`,
    );
  }
  return prepared;
}

/** Text of `--approval FILE`, refused here already when it cannot count. */
function approvalFor(command: Command, prepared: Prepared): string | null {
  const file = command.args.text("approval");
  if (file === undefined) return null;
  if (command.args.text("plan") === undefined) throw new UsageError("--approval needs the --plan it approves");
  let text: string;
  try {
    text = readFileSync(resolve(command.cwd, file), "utf8");
  } catch {
    throw new UsageError(`--approval ${file}: there is no such file`);
  }
  const policy = { ...command.project.config.policy, approvers: approverKeys(command.project) };
  checkPlanApproval(text, planDigestOf(prepared.subject), policy, starter(), systemClock().now());
  return text;
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
