/**
 * Approving a saved plan for CI: `approve --plan FILE --sign KEY > approval.json`, then `run --plan FILE --approval
 * approval.json`. The approval is a DSSE envelope over the plan's digest by a listed key; it expires and counts once.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Person } from "../../engine/events.ts";
import { makeDirectory, syncDirectory } from "../../host/durable-file.ts";
import type { Policy } from "../../language/config.ts";
import type { Plan } from "../../plan/plan.ts";
import { isEnvelope, openEnvelope, signEnvelope } from "../../report/dsse.ts";
import type { PrivateKey } from "../../report/keys.ts";
import { planApprovalPayloadType } from "../../report/verify-approvals.ts";
import { isObject } from "../../util/json.ts";
import { CommandError } from "../errors.ts";
import { listedKeys } from "./approval-signature.ts";

/** As an approval request's default life. */
const lifeMs = 4 * 3_600_000;
/** Clocks of two machines may differ by this much. */
const skewMs = 5 * 60_000;

interface Payload {
  readonly format: "runbook.plan-approval/1.0";
  readonly planDigest: string;
  readonly runbook: string;
  readonly target: string;
  readonly nonce: string;
  readonly notAfter: string;
  readonly reason: string | null;
}

/** Reads a plan saved by `plan --save`. Exit 3 when it is none. */
export function readPlanFile(file: string): Plan {
  const refuse = (why: string) =>
    new CommandError("invalid", `${file} is not a saved plan: ${why}`, "runbook plan --help");
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw refuse(isAbsent ? "there is no such file" : error instanceof Error ? error.message : String(error));
  }
  if (!isObject(value) || value["format"] !== "runbook.plan/1.0" || typeof value["planDigest"] !== "string") {
    throw refuse("its format is not runbook.plan/1.0");
  }
  return value as unknown as Plan;
}

/** The envelope as text, for stdout. */
export function approvePlan(plan: Plan, key: PrivateKey, reason: string | null, now: Date): string {
  const payload: Payload = {
    format: "runbook.plan-approval/1.0",
    planDigest: plan.planDigest,
    runbook: plan.runbook,
    target: plan.target,
    nonce: randomBytes(12).toString("hex"),
    notAfter: new Date(now.getTime() + lifeMs).toISOString(),
    reason,
  };
  return JSON.stringify(signEnvelope(planApprovalPayloadType, Buffer.from(JSON.stringify(payload)), key));
}

export interface PlanApproval {
  readonly by: Person;
  readonly nonce: string;
}

function refusalOf(why: string): CommandError {
  const message = `the approval file does not count: ${why}`;
  return new CommandError("refused", message, "runbook approve --plan FILE --sign KEY > approval.json");
}

/** The refusal of an approval that a run has used up. */
export const usedUp = (): CommandError => refusalOf("it was used before, and it counts once");

/** Who approved exactly this plan, or a refusal (4) that says why the file does not count. */
export function checkPlanApproval(
  text: string,
  planDigest: string,
  policy: Policy,
  starter: Person,
  now: Date,
): PlanApproval {
  const envelope = parse(text);
  if (!isEnvelope(envelope)) throw refusalOf("it is not a signed approval");
  const listed = listedKeys(policy);
  const opened = openEnvelope(
    envelope,
    planApprovalPayloadType,
    listed.map((item) => item.key),
  );
  if (opened === null) throw refusalOf("no key listed in policy.approvers signed it");
  const payload = JSON.parse(opened.payload.toString("utf8")) as Payload;
  if (payload.planDigest !== planDigest)
    throw refusalOf(`it approves the plan ${payload.planDigest}, and this is ${planDigest}`);
  const leftMs = Date.parse(payload.notAfter) - now.getTime();
  if (!(leftMs > 0)) throw refusalOf(`it expired at ${payload.notAfter}`);
  if (leftMs > lifeMs + skewMs) {
    throw refusalOf(
      `it is valid until ${payload.notAfter}, longer than any: the clock of this machine may have been set back`,
    );
  }
  if (!/^[0-9a-f]{24}$/.test(payload.nonce)) throw refusalOf("it has no number by which it could count once");
  const by = listed.filter((item) => item.key.id === opened.key.id);
  const name = by[0]?.name ?? "";
  if (name === starter.name) throw refusalOf(`${name} started this run and may not approve it`);
  const groups = by.map((item) => item.group);
  return {
    by: { name, method: "approval-file", login: starter.login, keyId: opened.key.id, groups },
    nonce: payload.nonce,
  };
}

/** Whether an approval was used up by a run of this state directory. */
export function isUsedUp(stateDir: string, nonce: string): boolean {
  return existsSync(join(stateDir, "approvals", nonce));
}

/** Uses an approval up, durably. False when it was used before, by this run or another of this state directory. */
export function useUp(stateDir: string, nonce: string): boolean {
  const directory = join(stateDir, "approvals");
  makeDirectory(directory);
  try {
    closeSync(openSync(join(directory, nonce), "wx", 0o600));
    syncDirectory(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
