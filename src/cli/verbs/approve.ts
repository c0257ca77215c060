/** `approve` and `reject`: answer what waits. Recorded durably; when no executor is alive, one is started that goes on. */
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { objectionTo, waitingSteps } from "../../engine/decision.ts";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { InboxMessage } from "../../engine/ports.ts";
import type { ApprovalRecord, RunRecord } from "../../engine/run-record.ts";
import { systemClock } from "../../host/clock.ts";
import { checkSealed } from "../../host/sealed-run.ts";
import { loadPrivateKey } from "../../report/keys.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { loadSealed } from "../execute/sealed-runbook.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { stepPathOf } from "../follow/step-path.ts";
import { usePluginsOfRun } from "../project/plugins.ts";
import { signAnswer, signerOf } from "../start/approval-signature.ts";
import { handOver } from "../start/hand-over.ts";
import { approvePlan, readPlanFile } from "../start/plan-approval.ts";
import { sensitiveInputs, starter } from "../start/starter.ts";

type Answer = Extract<InboxMessage, { kind: "decision" }>;

export default async function approve(command: Command): Promise<number> {
  const { args, project } = command;
  if (args.text("plan") !== undefined) return approveSaved(command);
  const decision = args.verb.name === "approve" ? "approved" : "rejected";
  const run = findRun(project.stateDir, args.words[0]);
  const loaded = loadRun(project.stateDir, run);
  const { record, runDir } = loaded;
  const { step, approval } = waitingFor(record, args.verb.name, args.text("step"));
  checkSealed(runDir, record.started.files);
  await usePluginsOfRun(runDir, record.started.files);
  const { config } = loadSealed(runDir);
  const by = starter();
  const key = args.text("sign");
  const bare = { step, decision, reason: args.text("reason") ?? null } as const;
  const answer: Answer = {
    kind: "decision",
    ...bare,
    by,
    shownDigest: approval.request.shownDigest,
    signature: key === undefined ? null : signAnswer(record, bare, approval, loadPrivateKey(resolve(command.cwd, key))),
    attachments: args.texts("attach").map((file) => attachment(command.cwd, file)),
  };
  const signer = signerOf(config.policy, record);
  const objection = objectionTo(answer, { record, policy: config.policy, now: systemClock().now(), signer });
  if (objection !== null) throw new CommandError("refused", objection.why, objection.next);
  const sensitive = sensitiveInputs(record, args);
  const stop = await handOver(project.stateDir, loaded, answer, sensitive);
  if (command.output === "json") command.json({ format: "runbook.decision/1.0", run, step, decision });
  else command.print(`${decision} ${step} of ${run}`);
  if (stop !== null) {
    command.say(`the answer is kept, but the run cannot go on from here: ${stop}. next: runbook resume ${run}`);
    return exitCodes.waiting;
  }
  command.say(`next: runbook wait ${run}`);
  return exitCodes.ok;
}

/** `approve --plan FILE --sign KEY`: the approval goes to stdout, for `run --plan FILE --approval`. */
function approveSaved(command: Command): number {
  const { args, cwd } = command;
  const key = args.text("sign");
  if (key === undefined)
    throw new UsageError("approving a plan needs --sign KEY: nobody else could tell who did", "runbook keys new NAME");
  const plan = readPlanFile(resolve(cwd, args.text("plan") ?? ""));
  command.print(approvePlan(plan, loadPrivateKey(resolve(cwd, key)), args.text("reason") ?? null, systemClock().now()));
  return exitCodes.ok;
}

/** The one step that waits, or the named one. Nothing waits: exit 4; several: exit 2 listing them. */
function waitingFor(
  record: RunRecord,
  verb: string,
  word: string | undefined,
): { step: string; approval: ApprovalRecord } {
  const again = (path: string | undefined) =>
    `runbook ${verb} ${record.run}${path === undefined ? "" : ` --step ${path}`}`;
  const waiting = waitingSteps(record).filter((step) => step.approval !== null && step.status === "waiting");
  const named = word === undefined ? undefined : stepPathOf([...record.steps.keys()], word, record.run, again);
  const found = named === undefined ? waiting : waiting.filter((step) => step.path === named);
  const [first] = found;
  if (first === undefined) {
    const unknown = waitingSteps(record).find((step) => step.status === "indeterminate");
    if (unknown) {
      throw new CommandError(
        "refused",
        `${unknown.path} waits for a decision about its outcome, not for an approval`,
        `runbook resume ${record.run} --accept ${unknown.path} --reason "…"`,
      );
    }
    const what = named === undefined ? `nothing of ${record.run} waits` : `${named} does not wait`;
    if (record.finished !== null) {
      const text = `${what} for an answer: the run has ended as ${record.result}`;
      throw new CommandError("refused", text, `runbook wait ${record.run}`);
    }
    const [other] = waiting;
    const text = `${what} for an answer${other === undefined ? "" : `; ${other.path} does`}`;
    throw new CommandError("refused", text, other === undefined ? `runbook wait ${record.run}` : again(other.path));
  }
  if (found.length > 1) {
    throw new UsageError(
      `several steps wait: ${found.map((step) => `--step ${step.path}`).join(", ")}`,
      again(first.path),
    );
  }
  return { step: first.path, approval: first.approval as ApprovalRecord };
}

function attachment(cwd: string, file: string): { name: string; file: string } {
  const path = resolve(cwd, file);
  try {
    if (statSync(path).isFile()) return { name: basename(path), file: path };
  } catch {
    // said below
  }
  throw new UsageError(`--attach ${file}: there is no such file`);
}
