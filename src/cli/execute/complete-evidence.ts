/** The evidence of a run that has its verdict: written when it ends, or later, when its executor was killed before. */
import type { RunRecord } from "../../engine/run-record.ts";
import { claimRun } from "../../host/claim.ts";
import { foldJournal } from "../../host/journal-file.ts";
import { FileRunStore } from "../../host/run-store.ts";
import type { PrivateKey } from "../../report/keys.ts";
import { createMasker } from "../../util/mask/masker.ts";
import { writeEvidence } from "./evidence-files.ts";
import { publish } from "./publications.ts";
import { loadSealed } from "./sealed-runbook.ts";
import { signingKey } from "./signing-key.ts";

export interface EvidenceOptions {
  readonly store: FileRunStore;
  readonly runDir: string;
  /** Signs the evidence; null = unsigned. */
  readonly key: PrivateKey | null;
  /** Absolute; where the register of drills and what `evidence` asks for are written. */
  readonly project: string;
  /** Told what could not be published: that is no reason to go without evidence. */
  readonly onProblem: (problem: string) => void;
}

/** Seals the journal when its executor did not come to it, and writes report, statement and digests. Repeatable. */
export async function finishEvidence(options: EvidenceOptions): Promise<void> {
  const { store, runDir, key, project } = options;
  const { record } = store;
  if (record.sealed === null) {
    store.append({ type: "run.sealed", records: record.lastSeq + 1, headHash: record.headHash });
    store.flush();
  }
  await writeEvidence(runDir, record, key, async () => {
    for (const problem of await publish(project, runDir, record, key)) options.onProblem(problem);
  });
}

/**
 * Completes what a killed executor owes, in this process: nothing of the run is executed, and its verdict stands. Throws
 * `RunIsTaken` when somebody else has the run, and what signing or writing throws.
 */
export async function completeEvidence(
  stateDir: string,
  run: string,
  runDir: string,
  onProblem: (problem: string) => void,
): Promise<RunRecord> {
  const release = await claimRun(runDir, run, new Date());
  try {
    const options = {
      stateDir,
      runDir,
      run,
      now: () => new Date(),
      // What it appends is a number and a digest.
      masker: createMasker([]),
      onPoison: () => {},
    };
    const store = FileRunStore.open(options, foldJournal(runDir));
    const { config } = loadSealed(runDir);
    const { project } = config;
    await finishEvidence({ store, runDir, key: signingKey(project), project, onProblem });
    return store.record;
  } finally {
    release();
  }
}
