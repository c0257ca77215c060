/** `run`: execute a runbook. Seals it, starts the executor in its own session, follows it. */

import { resolve } from "node:path";
import type { Plan } from "../../plan/plan.ts";
import { type Command, checkOutput } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { reportRequests } from "../follow/report-requests.ts";
import { waitForPersonMs, watchRun } from "../follow/watch-run.ts";
import { findRunbook } from "../project/project.ts";
import { callExecutor } from "../start/launch.ts";
import { overridesOf, stepsByPath } from "../start/overrides.ts";
import { readPlanFile } from "../start/plan-approval.ts";
import { type Prepared, prepare } from "../start/prepare.ts";
import { approvalFor, prepareSaved } from "../start/saved-plan.ts";
import { startRun } from "../start/start-run.ts";
import { detached, onDisconnect } from "../start/starter.ts";
import { undoNoticeMs } from "../terminal/undo-notice.ts";
import plan from "./plan.ts";
import { verbNamed } from "./table.ts";

export default async function run(command: Command): Promise<number> {
  const { args, project, cwd } = command;
  if (args.on("dry-run")) {
    checkOutput(command, verbNamed("plan") ?? args.verb);
    return await plan(command);
  }
  const saved = args.text("plan") === undefined ? null : readPlanFile(resolve(cwd, args.text("plan") ?? ""));
  const word = args.words[0] ?? saved?.runbook;
  if (word === undefined) throw new UsageError("which runbook?", "runbook list");
  if (args.words.length > 1)
    throw new UsageError(
      `"${args.words[1]}" is one word too many; inputs are given as -i name=value`,
      "runbook run --help",
    );
  reportRequests(command);
  waitForPersonMs(args);
  const path = findRunbook(project, cwd, word);
  const { run: id, executor } = await start(command, path, saved);
  if (args.on("detach")) return detached(command, id, executor);
  return await watchRun(command, { run: id, executor, keys: true });
}

/** The executor loads its program while the runbook is read and judged. */
async function start(command: Command, path: string, saved: Plan | null) {
  const { args, project } = command;
  const waiting = callExecutor();
  try {
    const prepared =
      saved === null
        ? await prepare(command, path, args.text("target"), "refuse")
        : await prepareSaved(command, path, saved);
    const approval = approvalFor(command, prepared);
    const overrides = overridesOf(args, prepared.runbook);
    await confirmProtected(command, prepared);
    const terms = {
      reason: args.text("reason"),
      approval,
      overrides,
      onDisconnect: onDisconnect(command),
      undoNoticeMs: undoNoticeMs(command),
    };
    return startRun(project.stateDir, prepared, terms, waiting);
  } catch (error) {
    waiting.dismiss();
    throw error;
  }
}

/** Before a run in a terminal changes a protected target, its name is typed. `-y` never stands for that. */
async function confirmProtected(command: Command, prepared: Prepared): Promise<void> {
  const { target } = prepared;
  const writes = [...stepsByPath(prepared.runbook).values()].some((step) => step.effects !== "read");
  if (!command.terminal.interactive || !target.protected || !writes) return;
  const { confirmTarget } = await import("../terminal/prompts.ts");
  if (await confirmTarget(command, prepared.runbook.name, target.name)) return;
  throw new CommandError("refused", `${target.name} was not confirmed; nothing was started`);
}
