/** What an executor does when the engine has no more for it: gives the lock back, completes the evidence, says its code. */
import type { Logger } from "pino";
import type { DriveOutcome } from "../../engine/engine.ts";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { FileRunStore } from "../../host/run-store.ts";
import type { PrivateKey } from "../../report/keys.ts";
import { finishEvidence } from "./complete-evidence.ts";

export async function afterwards(
  outcome: DriveOutcome,
  {
    store,
    key,
    runDir,
    record,
    log,
    signKey,
    project,
  }: {
    store: FileRunStore;
    key: string | null;
    runDir: string;
    record: FileRunStore["record"];
    log: Logger;
    signKey: PrivateKey | null;
    /** Absolute; where the register of drills and what `evidence` asks for are written. */
    project: string;
  },
): Promise<number> {
  const wrote = [...record.steps.values()].some((step) => step.tookEffect);
  if (key !== null && (outcome.kind === "finished" || !wrote)) {
    if (record.locks.has(key)) store.append({ type: "lock.released", key });
    store.flush();
    await store.releaseLock(key);
  }
  switch (outcome.kind) {
    case "finished":
      await finishEvidence({ store, runDir, key: signKey, project, onProblem: (problem) => log.error(problem) });
      await sendTrace(record, log);
      return outcome.exitCode;
    case "waiting":
      return exitCodes.waiting;
    case "stopped":
      store.append({ type: "executor.stopped", why: outcome.signal });
      store.flush();
      return outcome.signal === "SIGINT" ? exitCodes.sigint : exitCodes.sigterm;
    case "refused":
      store.append({ type: "executor.stopped", why: `refused: ${outcome.message}` });
      store.flush();
      log.fatal({ code: exitCodes.refused }, outcome.message);
      return exitCodes.refused;
  }
}

/** Only where a collector is configured; what it answers changes nothing. */
async function sendTrace(record: FileRunStore["record"], log: Logger): Promise<void> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = process.env;
  if (!OTEL_EXPORTER_OTLP_ENDPOINT && !OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return;
  const { exportTrace } = await import("./telemetry.ts");
  const problem = await exportTrace(record, process.env);
  if (problem !== null) log.error(problem);
}
