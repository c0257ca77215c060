/** The addendum as it lies in a run directory, and whose signatures in it count. */

import { isObject, type JsonObject } from "../util/json.ts";
import { type Addendum, type AddendumContext, addendumFile, noAddendum, readAddendum } from "./addendum.ts";
import { KeyError, type PublicKey, parsePublicKey } from "./keys.ts";
import { listFiles, readRunFile } from "./run-files.ts";

/** Never throws: a file that cannot be read is a problem of the addendum. `context` is asked when there is one. */
export function loadAddendum(dir: string, context: () => AddendumContext): Addendum {
  if (!listFiles(dir).some((file) => file.path === addendumFile)) return noAddendum;
  try {
    return readAddendum(readRunFile(dir, addendumFile), context());
  } catch (error) {
    return { ...noAddendum, problems: [`${addendumFile} cannot be read: ${(error as Error).message}`] };
  }
}

/** Keys of `policy.approvers` in a sealed config. */
export function approverKeysOf(config: JsonObject | null): PublicKey[] {
  const policy = config?.["policy"];
  const approvers = isObject(policy) ? policy["approvers"] : null;
  if (!isObject(approvers)) return [];
  return Object.values(approvers).flatMap((people) =>
    (Array.isArray(people) ? people : []).flatMap((person) =>
      isObject(person) && typeof person["key"] === "string" ? givenKeys(person["key"]) : [],
    ),
  );
}

/** Keys of the text of a public key file; what is none is left out. */
export function givenKeys(text: string | undefined): PublicKey[] {
  return (text ?? "").split("\n").flatMap((line) => {
    try {
      return line.trim() === "" || line.startsWith("#") ? [] : [parsePublicKey(line)];
    } catch (error) {
      if (error instanceof KeyError) return [];
      throw error;
    }
  });
}
