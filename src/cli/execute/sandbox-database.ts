/**
 * Whether a run on a sandbox target needs the sandbox's database. It does when a step that may run uses a secret which
 * only the sandbox knows for a role of that database, and the target has a server on loopback for that role. A project
 * that brings its own server brings its own passwords as well, and nothing is started for it.
 */
import { databaseRoles, startSandboxDatabase } from "../../../sandbox/client.ts";
import type { FoundSecret } from "../../host/secrets.ts";
import type { Runbook, Step } from "../../language/runbook.ts";
import { isSkippedForCertain, placeAtStart } from "../../plan/at-start.ts";
import { allSteps, membersOf, type Place } from "../../plan/scope.ts";
import { isLoopback } from "../../plan/target.ts";
import { isObject, type JsonObject } from "../../util/json.ts";

/** Starts it when the run needs it. `port`: null = it is not used. `refusal`: why the run must not begin; null = it may. */
export async function ensureDatabase(
  runbook: Runbook,
  target: JsonObject,
  inputs: Readonly<Record<string, unknown>>,
  { stateDir, found }: { readonly stateDir: string; readonly found: readonly FoundSecret[] },
): Promise<{ readonly port: number | null; readonly refusal: string | null }> {
  let isRequired = true;
  try {
    const need = databaseNeed(runbook, placeAtStart(runbook, target, inputs), target, found);
    if (need === null) return { port: null, refusal: null };
    isRequired = need.isRequired;
    return { port: (await startSandboxDatabase(stateDir, need.port)).port, refusal: null };
  } catch (error) {
    if (!isRequired) return { port: null, refusal: null };
    return { port: null, refusal: error instanceof Error ? error.message : String(error) };
  }
}

export interface DatabaseNeed {
  /** 0 = whichever is free. */
  readonly port: number;
  /** False: only steps use it that get along without it. */
  readonly isRequired: boolean;
}

/** Null = no step needs it. Throws an `Error` whose message says what is wrong with the servers of the target. */
function databaseNeed(
  runbook: Runbook,
  place: Place,
  target: JsonObject,
  found: readonly FoundSecret[],
): DatabaseNeed | null {
  const supplied = new Set(found.filter(({ provider }) => provider === "sandbox").map(({ name }) => name));
  const roles = Object.entries(databaseRoles).filter(([, secret]) => supplied.has(secret));
  const names = roles.map(([, secret]) => secret).join("|");
  const ports = new Set(
    Object.values(target).flatMap((server) => {
      if (!isObject(server) || !isLoopback(server["host"]) || typeof server["port"] !== "number") return [];
      return roles.some(([role]) => role === server["user"]) ? [server["port"]] : [];
    }),
  );
  if (ports.size === 0) return null;
  const uses = usesOf(runbook, allSteps(runbook), place, new RegExp(String.raw`\bsecrets\.(?:${names})\b`));
  if (uses.length === 0) return null;
  const [port = 0, other] = [...ports];
  if (other !== undefined) {
    throw new Error(
      `the target has servers on the ports ${port} and ${other} of this machine, and the sandbox has one PostgreSQL; write the same port at each, or 0 for a free one`,
    );
  }
  // Its row waits in a file while the database is away.
  return { port, isRequired: uses.some((type) => type !== "audit-log") };
}

/** Types of the steps that use such a secret, those left out that are skipped for certain. `place`: null = not known. */
function usesOf(runbook: Runbook, steps: readonly Step[], place: Place | null, secret: RegExp): string[] {
  const isShared = secret.test(JSON.stringify(runbook.env));
  return steps.flatMap((step) => {
    if (isSkippedForCertain(step, place)) return [];
    const { action } = step;
    const undo = usesOf(runbook, step.rollback, place, secret);
    if (action.kind === "runbook") return [...usesOf(action.runbook, allSteps(action.runbook), null, secret), ...undo];
    if (action.kind === "group" || action.kind === "parallel")
      return [...usesOf(runbook, membersOf(step), place, secret), ...undo];
    const own = isShared || secret.test(JSON.stringify([action, step.env, step.stdin, step.check]));
    return [...(own ? [action.kind === "uses" ? action.type : action.kind] : []), ...undo];
  });
}
