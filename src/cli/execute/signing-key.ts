/** The key that signs evidence. */
import { resolve } from "node:path";
import { loadPrivateKey, type PrivateKey } from "../../report/keys.ts";

/** `RUNBOOK_SIGN_KEY`, relative to the project; null = not set. Throws when it names a key that cannot be used. */
export function signingKey(project: string): PrivateKey | null {
  const file = process.env["RUNBOOK_SIGN_KEY"];
  return file === undefined || file === "" ? null : loadPrivateKey(resolve(project, file));
}
