/** `run --plan FILE [--approval FILE]`: exactly a saved plan, approved beforehand, or a refusal. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { systemClock } from "../../host/clock.ts";
import { planDigestOf } from "../../plan/build-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { MASK } from "../../util/mask/masker.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { checkPlanApproval, isUsedUp, usedUp } from "./plan-approval.ts";
import { approverKeys, type Prepared, prepare } from "./prepare.ts";
import { starter } from "./starter.ts";

/** A saved plan is run exactly, or refused: what it was made of is prepared again and must give its digest. */
export async function prepareSaved(command: Command, path: string, saved: Plan): Promise<Prepared> {
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
export function approvalFor(command: Command, prepared: Prepared): string | null {
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
  const digest = planDigestOf(prepared.subject);
  const { nonce } = checkPlanApproval(text, digest, policy, starter(), systemClock().now());
  if (isUsedUp(command.project.stateDir, nonce)) throw usedUp();
  return text;
}
