/** The keys of `policy.approvers`: which can be read, and what they are. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parsePublicKey } from "../../report/keys.ts";
import type { Project } from "./project.ts";

/** An item of `runbook.keys/1.0`. */
export interface ApproverKey {
  readonly group: string;
  readonly name: string;
  /** As the config has it: a file relative to the project, or the key itself. */
  readonly key: string;
  /** `SHA256:…`; null when the key cannot be read. */
  readonly id: string | null;
  readonly problem: string | null;
}

export function approverKeys(project: Project): ApproverKey[] {
  return Object.entries(project.config.policy.approvers).flatMap(([group, people]) =>
    people.map(({ name, key }) => ({ group, name, key, ...read(project.dir, key) })),
  );
}

function read(projectDir: string, key: string): Pick<ApproverKey, "id" | "problem"> {
  try {
    const text = key.startsWith("ed25519:") ? key : readFileSync(resolve(projectDir, key), "utf8");
    return { id: parsePublicKey(text.trim()).id, problem: null };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { id: null, problem: "there is no such file" };
    return { id: null, problem: error instanceof Error ? error.message : String(error) };
  }
}
