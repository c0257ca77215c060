/** Loads the sealed copy of a run, and nothing else. */
import { JournalCorrupt } from "../../engine/ports.ts";
import { readSealedText, type SealedConfig } from "../../host/sealed-run.ts";
import type { Config } from "../../language/config.ts";
import { emptyConfig } from "../../language/load-config.ts";
import { loadRunbook } from "../../language/load-runbook.ts";
import type { Runbook, Step } from "../../language/runbook.ts";
import { allSteps, membersOf } from "../../plan/scope.ts";
import { catalogue } from "../project/catalogue.ts";

export interface SealedRunbook {
  readonly runbook: Runbook;
  readonly config: SealedConfig;
  readonly sources: {
    readonly yaml: string;
    readonly config: Config;
    readonly notes: Readonly<Record<string, string>>;
  };
}

/**
 * Throws `JournalCorrupt` when the sealed copy cannot be read: it was valid when it was made. After `checkSealed` it is
 * proven to be that copy.
 */
export function loadSealed(runDir: string, { isProven = false } = {}): SealedRunbook {
  const yaml = readText(runDir, "runbook.yaml");
  const config = JSON.parse(readText(runDir, "config.json")) as SealedConfig;
  const { runbook, diagnostics } = loadRunbook({
    file: `${config.file.split("/").at(-1)}`,
    text: yaml,
    catalogue: catalogue(),
    evidence: config.evidence,
    isProven,
    readInclude: (name) => ({ path: `includes/${name}.yaml`, text: readText(runDir, `includes/${name}.yaml`) }),
  });
  if (runbook === null) {
    throw new JournalCorrupt(
      1,
      `the sealed runbook of ${runDir} is not valid: ${diagnostics[0]?.message ?? "no reason"}`,
    );
  }
  const sealed: Config = {
    ...emptyConfig,
    windows: config.windows,
    policy: config.policy,
    secrets: config.secrets,
    evidence: config.evidence ?? emptyConfig.evidence,
  };
  return { runbook, config, sources: { yaml, config: sealed, notes: notesOf(allSteps(runbook), "") } };
}

function readText(runDir: string, path: string): string {
  try {
    return readSealedText(runDir, path);
  } catch {
    throw new JournalCorrupt(1, `the sealed file ${path} is missing from ${runDir}`);
  }
}

function notesOf(steps: readonly Step[], parent: string): Record<string, string> {
  const notes: Record<string, string> = {};
  for (const step of steps) {
    const path = parent === "" ? step.id : `${parent}.${step.id}`;
    if (step.note !== null) notes[path] = step.note;
    Object.assign(notes, notesOf(membersOf(step), path));
  }
  return notes;
}
