/** Loads the sealed copy of a run, and nothing else. */
import { JournalCorrupt } from "../../engine/ports.ts";
import { readSealedConfig, readSealedText, type SealedConfig } from "../../host/sealed-run.ts";
import { loadRunbook } from "../../language/load-runbook.ts";
import type { Runbook } from "../../language/runbook.ts";
import { catalogue } from "../project/catalogue.ts";

export interface SealedRunbook {
  readonly runbook: Runbook;
  readonly config: SealedConfig;
}

/**
 * Throws `JournalCorrupt` when the sealed copy cannot be read: it was valid when it was made. After `checkSealed` it is
 * proven to be that copy.
 */
export function loadSealed(runDir: string, { isProven = false } = {}): SealedRunbook {
  const config = readSealedConfig(runDir);
  const { runbook, diagnostics } = loadRunbook({
    file: `${config.file.split("/").at(-1)}`,
    text: readSealedText(runDir, "runbook.yaml"),
    catalogue: catalogue(),
    evidence: config.evidence,
    isProven,
    readInclude: (name) => ({ path: `includes/${name}.yaml`, text: readSealedText(runDir, `includes/${name}.yaml`) }),
  });
  if (runbook === null) {
    throw new JournalCorrupt(
      1,
      `the sealed runbook of ${runDir} is not valid: ${diagnostics[0]?.message ?? "no reason"}`,
    );
  }
  return { runbook, config };
}
