import { hostname } from "node:os";
import { isAlive as isAliveSomewhere, type ProcessIdentity } from "../src/host/supervisor/process-identity.ts";

/** True while the very process runs on this machine. Everything of a sandbox is here: a record of another machine is stale. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.host === hostname() && isAliveSomewhere(identity);
}
