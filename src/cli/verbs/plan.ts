/** `plan`: what would happen; executes nothing. */

import { resolve } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { replaceFile } from "../../host/durable-file.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import {
  findRunbook,
  loadWholeRunbook,
  noRunbook,
  type RunbookSource,
  refuseInvalid,
  runbookFiles,
} from "../project/project.ts";
import { planOf, prepare } from "../start/prepare.ts";
import { planText } from "../terminal/plan-text.ts";

export default async function plan(command: Command): Promise<number> {
  const { args, project, cwd } = command;
  if (args.on("all")) return await planAll(command);
  const word = args.words[0];
  if (word === undefined) throw new UsageError("which runbook?", "runbook plan --all");
  const path = findRunbook(project, cwd, word);
  const prepared = await prepare(command, path, args.text("target"), "refuse");
  const made = args.on("probe")
    ? await (await import("../start/probe.ts")).probe(command, prepared)
    : await planOf(prepared, project);
  const save = args.text("save");
  if (save !== undefined) replaceFile(resolve(cwd, save), `${JSON.stringify(made, null, 2)}\n`);
  if (command.output === "json") command.json(made);
  else command.print(planText(made, command.terminal));
  return exitCodes.ok;
}

/** Every runbook on every target it lists, in file then target order. */
async function planAll(command: Command): Promise<number> {
  const { args, project, cwd } = command;
  const files = runbookFiles(project);
  if (files.length === 0) {
    throw noRunbook(project, cwd);
  }
  const sources: RunbookSource[] = [];
  for (const path of files) sources.push(await loadWholeRunbook(project, cwd, path));
  refuseInvalid(
    project,
    sources.flatMap((source) => source.loaded.diagnostics),
    command.terminal.colorErr,
  );
  const only = args.text("target");
  const plans: Plan[] = [];
  for (const source of sources) {
    for (const target of Object.keys(source.loaded.runbook?.targets ?? {})) {
      if (only !== undefined && target !== only) continue;
      plans.push(await planOf(await prepare(command, source, target, "unknown"), project));
    }
  }
  if (plans.length === 0) throw new UsageError(`no runbook lists the target "${only}"`, "runbook plan --all");
  if (command.output === "json") command.json({ format: "runbook.plans/1.0", plans });
  else command.print(plans.map((item) => oneLine(item)).join("\n"));
  return exitCodes.ok;
}

function oneLine(plan: Plan): string {
  const unknown = plan.steps.reduce((sum, step) => sum + step.unknown.length, 0);
  const counts = `${plan.writes} write${plan.writes === 1 ? "" : "s"}, ${plan.destructive} destructive, ${plan.approvals} approval${plan.approvals === 1 ? "" : "s"}, ${unknown} unknown`;
  const why = plan.blocked.map((blocker) => blocker.message).join("; ");
  return `${plan.decision.padEnd(7)}  ${plan.runbook.padEnd(22)} ${plan.target.padEnd(12)} ${counts}${why ? `  ${why}` : ""}`;
}
