/** One execution of a run: takes it, gathers what it needs, drives it, and writes what is left to write. */
import type { ChildProcess } from "node:child_process";
import type { Logger } from "pino";
import type { EngineContext } from "../../engine/context.ts";
import { drive } from "../../engine/engine.ts";
import { watchClocks } from "../../engine/run-clock.ts";
import { claimRun } from "../../host/claim.ts";
import { systemClock } from "../../host/clock.ts";
import { failpoint, nameVictim } from "../../host/failpoints.ts";
import { foldJournal } from "../../host/journal-file.ts";
import { FileRunStore } from "../../host/run-store.ts";
import { checkSealed } from "../../host/sealed-run.ts";
import { type SupervisorClient, startSupervisor } from "../../host/supervisor/client.ts";
import { selfIdentity } from "../../host/supervisor/process-identity.ts";
import { removeRuntimeDir, runtimeDirFor } from "../../host/supervisor/runtime-dir.ts";
import { lockKey, type ResolvedInput } from "../../plan/build-plan.ts";
import { usePluginsOfRun } from "../project/plugins.ts";
import { refuseForged, signerOf } from "../start/approval-signature.ts";
import type { ExecutorRequest } from "../start/executor-request.ts";
import { distDir, toolName, toolVersion } from "../version.ts";
import { engineContext } from "./engine-context.ts";
import { isOver, nothingToResume, owesEvidence } from "./evidence-owed.ts";
import { firstEvent } from "./first-event.ts";
import { provide } from "./provisions.ts";

/** What the process brings along for its execution. */
interface Equipment {
  readonly log: Logger;
  /** Called once, with what takes the secrets out of every later line of the log. */
  readonly maskLog: (mask: (line: string) => string) => void;
  /** Settles when the one who watches is gone. */
  readonly disconnected: Promise<void>;
  /** One that waits for its run, see `callSupervisor`; null where none was called. */
  readonly supervisor: ChildProcess | null;
}

/** Returns the exit code. Throws what the executor's log and code must tell. */
export async function execute(
  request: ExecutorRequest,
  runDir: string,
  { log, maskLog, disconnected, supervisor: called }: Equipment,
): Promise<number> {
  const clock = systemClock();
  const { stateDir, run, start } = request;
  const release = await claimRun(runDir, run, clock.now());
  const journal = start === null ? foldJournal(runDir) : null;
  const before = journal?.record ?? null;
  // It may have ended since the command that asks for this looked.
  if (before !== null && isOver(before) && !owesEvidence(runDir, before)) throw nothingToResume(before);
  const first = before?.started;
  const files = start?.files ?? first?.files ?? {};
  // Before anything of the sealed copy is read as code.
  checkSealed(runDir, files);
  await usePluginsOfRun(runDir, files);
  const inputs = start?.inputs ?? resumeInputs(first?.inputs ?? [], request.sensitive);
  const provisions = await provide(request, runDir, inputs, maskLog);
  const { runbook, config, secrets, masker, signKey } = provisions;
  const refusals = [...provisions.refusals];
  const control: EngineContext["control"] = { stop: null, cancel: new AbortController(), isEnding: false, wake: null };
  let poisoned: unknown = null;
  const onIoError = (error: unknown) => {
    poisoned ??= error;
    control.stop ??= { kind: "signal", signal: "SIGTERM" };
  };
  const supervisor = lazySupervisor({
    runDir,
    runtimeDir: runtimeDirFor(runDir),
    runId: run,
    distDir,
    secrets,
    called,
  });
  // It gets ready while the first record is made. What is wrong with it the first command will tell.
  if (called !== null && refusals.length === 0)
    void supervisor.get().then(
      (client) => client.start().catch(() => {}),
      () => {},
    );
  else called?.kill("SIGKILL");
  const storeOptions = { stateDir, runDir, run, now: () => clock.now(), masker, onPoison: onIoError };
  const store =
    start === null
      ? FileRunStore.open(storeOptions, journal)
      : FileRunStore.create(storeOptions, await firstEvent(request, start, provisions));
  const { record } = store;
  refuseOtherMajor(record.started.tool);
  refuseForged(record, config.policy);
  const ending = { store, runDir, record, log, signKey, project: config.project };
  if (start === null && record.finished !== null && isOver(record) && owesEvidence(runDir, record)) {
    const { exitCode } = record.finished;
    removeRuntimeDir(runtimeDirFor(runDir));
    const { afterwards } = await import("./after-execution.ts");
    await afterwards({ kind: "finished", exitCode }, { ...ending, key: null });
    release();
    return exitCode;
  }
  const identity = selfIdentity();
  const clockWatch = watchClocks(clock, record, identity.bootId);
  const anomaly = clockWatch();
  if (anomaly !== null) store.append(anomaly);
  store.append({
    type: "executor.started",
    pid: identity.pid,
    startTime: identity.startTime,
    bootId: identity.bootId,
    host: identity.host,
    uptimeMs: Math.round(clock.bootMs()),
    node: process.version,
    tool: toolVersion,
    resumed: start === null,
    signer: signKey?.id ?? null,
  });
  const machine = { clock, clockWatch, control, supervisor: supervisor.get, onIoError };
  const context = engineContext(request, runDir, provisions, store, machine);
  const key = lockKey(runbook, context.root);
  if (key !== null && refusals.length === 0) {
    const lock = await store.acquireLock(key);
    if (lock.kind === "busy") refusals.push(busyText(key, lock));
    else if (!record.locks.has(key)) store.append({ type: "lock.acquired", key });
  }
  failpoint("lock.acquired");
  store.flush();
  log.info({ run, resumed: start === null, tool: toolName }, "executor started");
  if (request.onDisconnect === "stop") void disconnected.then(() => stopAlone(context));
  const outcome = await drive(
    context,
    { ...request.drive, refusal: refusals.length === 0 ? null : refusals.join("; ") },
    { signer: signerOf(config.policy, record) },
  );
  if (poisoned !== null) throw poisoned;
  await supervisor.close();
  removeRuntimeDir(runtimeDirFor(runDir));
  const { afterwards } = await import("./after-execution.ts");
  const code = await afterwards(outcome, { ...ending, key });
  log.info({ code }, "executor ended");
  release();
  return code;
}

/** Prepared when it is first asked for. */
function lazySupervisor(options: Parameters<typeof startSupervisor>[0]) {
  let supervisor: Promise<SupervisorClient> | null = null;
  return {
    get(): Promise<SupervisorClient> {
      supervisor ??= startSupervisor(options);
      void supervisor.then(
        (client) => nameVictim(() => client.identity()?.pid ?? null),
        () => {},
      );
      return supervisor;
    },
    async close(): Promise<void> {
      await supervisor?.then(
        (client) => client.close(),
        () => {},
      );
    },
  };
}

/** The one who watched is gone, and asked for that to stop the run. */
function stopAlone({ store, control }: EngineContext): void {
  if (store.record.finished !== null || control.stop !== null) return;
  store.append({ type: "signal.received", signal: "SIGHUP", press: 1 });
  control.stop = { kind: "signal", signal: "SIGTERM" };
  control.wake?.();
}

function busyText(key: string, lock: { run: string; step: string | null; sinceMs: number }): string {
  const at = lock.step === null ? "" : ` at ${lock.step}`;
  return `${key} is locked by ${lock.run}${at} for ${Math.round(lock.sinceMs / 1_000)} s; next: runbook status ${lock.run}, runbook abort ${lock.run}`;
}

function refuseOtherMajor(tool: string): void {
  const major = (version: string) => version.split(".")[0];
  if (major(tool) !== major(toolVersion)) {
    throw new Error(
      `the run was started by runbook ${tool}; this is ${toolVersion}: finish it with the major version it began with`,
    );
  }
}

function resumeInputs(
  kept: readonly {
    readonly name: string;
    readonly value: unknown;
    readonly source: string;
    readonly sensitive: boolean;
  }[],
  sensitive: Readonly<Record<string, unknown>>,
): ResolvedInput[] {
  return kept.map((input) => ({
    name: input.name,
    value: input.sensitive ? (sensitive[input.name] ?? null) : input.value,
    source: input.source as ResolvedInput["source"],
    sensitive: input.sensitive,
    isUnknown: false,
  }));
}
