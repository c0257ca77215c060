/** One execution of a run: wires the engine to the local machine. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { SandboxInfo } from "../../../sandbox/client.ts";
import type { EngineContext } from "../../engine/context.ts";
import { drive } from "../../engine/engine.ts";
import type { Person } from "../../engine/events.ts";
import { factsOf } from "../../engine/facts.ts";
import { watchClocks } from "../../engine/run-clock.ts";
import { createActionRunner } from "../../host/action-runner.ts";
import { claimRun } from "../../host/claim.ts";
import { systemClock } from "../../host/clock.ts";
import { childEnvironment } from "../../host/environment.ts";
import { failpoint, nameVictim } from "../../host/failpoints.ts";
import { foldJournal } from "../../host/journal-file.ts";
import { FileRunStore } from "../../host/run-store.ts";
import { checkSealed, readSealedConfig } from "../../host/sealed-run.ts";
import { scanForSecrets } from "../../host/secret-scan.ts";
import { type FoundSecret, resolveSecrets, valuesOf } from "../../host/secrets.ts";
import { type SupervisorClient, startSupervisor } from "../../host/supervisor/client.ts";
import { selfIdentity } from "../../host/supervisor/process-identity.ts";
import { removeRuntimeDir, runtimeDirFor, runtimeDirProblem } from "../../host/supervisor/runtime-dir.ts";
import type { Runbook } from "../../language/runbook.ts";
import { placeAtStart } from "../../plan/at-start.ts";
import { inputValues, lockKey, type ResolvedInput, type SubjectConfig } from "../../plan/build-plan.ts";
import { type Frame, membersOf, newFrame } from "../../plan/scope.ts";
import { resolveTarget } from "../../plan/target.ts";
import type { PrivateKey } from "../../report/keys.ts";
import type { JsonObject } from "../../util/json.ts";
import { createMasker, MASK } from "../../util/mask/masker.ts";
import { refusalOf } from "../../util/mask/refusal.ts";
import { CommandError } from "../errors.ts";
import { catalogue } from "../project/catalogue.ts";
import { finishedRuns } from "../project/past-runs.ts";
import { usePluginsOfRun } from "../project/plugins.ts";
import { toolStates } from "../project/tool-states.ts";
import { refuseForged, signerOf } from "../start/approval-signature.ts";
import { type ExecutorRequest, unpackRunbook } from "../start/executor-request.ts";
import { checkPlanApproval, type PlanApproval, usedUp, useUp } from "../start/plan-approval.ts";
import { secretSources } from "../start/secret-sources.ts";
import { distDir, toolName, toolVersion } from "../version.ts";
import { isOver, owesEvidence } from "./evidence-owed.ts";
import { firstEvent } from "./first-event.ts";
import { knownTexts } from "./known-texts.ts";
import { signingKey } from "./signing-key.ts";

/** Returns the exit code. Throws what the executor's log and code must tell. */
export async function execute(
  request: ExecutorRequest,
  runDir: string,
  log: Logger,
  disconnected: Promise<void>,
  /** Called once, with what takes the secrets out of every later line of the log. */
  maskLog: (mask: (line: string) => string) => void,
): Promise<number> {
  const clock = systemClock();
  const { stateDir, run } = request;
  const release = await claimRun(runDir, run, clock.now());
  // Before anything of the sealed copy is read as code.
  const journal = request.start === null ? foldJournal(runDir) : null;
  const first = journal?.record?.started;
  const files = request.start?.files ?? first?.files ?? {};
  const inputs = request.start?.inputs ?? resumeInputs(first?.inputs ?? [], request.sensitive);
  checkSealed(runDir, files);
  await usePluginsOfRun(runDir, files);
  const config = readSealedConfig(runDir);
  const runbook = request.runbook === null ? await readRunbook(runDir) : unpackRunbook(request.runbook);
  const { policy, windows } = config;
  const subjectConfig: SubjectConfig = { targets: { [config.target.name]: config.target }, policy, windows };
  const sandbox = config.target.sandbox ? await runningSandbox(stateDir) : null;
  const found = await resolveSecrets(
    await secretSources({
      runbook,
      target: config.target,
      providers: config.secrets,
      projectDir: config.project,
      sandbox,
    }),
  );
  const secrets: { name: string; value: string }[] = [];
  const { target, refusal: noDatabase } = await targetOf(request, runbook, inputs, subjectConfig, config.target.name, {
    sandbox,
    found: found.found,
  });
  const refusals = found.missing.map(
    (name) =>
      `no provider knows the secret ${name} for ${config.target.name}${found.problems.length > 0 ? ` (${found.problems.join("; ")})` : ""}`,
  );
  if (noDatabase !== null) refusals.push(noDatabase);
  const noPrometheus = sandbox === null ? null : await prometheusProblem(runbook);
  if (noPrometheus !== null) refusals.push(noPrometheus);
  const sensitive = Object.entries(request.sensitive).filter(([, value]) => typeof value === "string" && value !== "");
  const known = knownTexts(runDir, request, target);
  for (const { name, value } of [
    ...found.found,
    ...sensitive.map(([name, value]) => ({ name: `inputs.${name}`, value: String(value) })),
  ]) {
    const refusal = refusalOf(name, value, known);
    if (refusal !== null) refusals.push(refusal);
    // Also one that stands in a public text is masked: its refusal must not copy it into the evidence.
    if (refusalOf(name, value, []) === null) secrets.push({ name, value });
  }
  const masker = createMasker(secrets);
  maskLog((line) => masker.text(line));
  const baseEnv = childEnvironment(process.env, sandbox?.binDir ?? null);
  const tools = await toolStates(
    runbook,
    baseEnv,
    config.project,
    true,
    placeAtStart(runbook, target, inputValues(inputs)),
  );
  refusals.push(...tools.filter((tool) => tool.problem !== null).map((tool) => String(tool.problem)));
  const noRuntimeDir = runtimeDirProblem(runtimeDirFor(runDir));
  if (noRuntimeDir !== null) refusals.push(noRuntimeDir);
  const signKey = usableKey(config.project, refusals);
  let poisoned: unknown = null;
  const onIoError = (error: unknown) => {
    poisoned ??= error;
    context.control.stop ??= { kind: "signal", signal: "SIGTERM" };
  };
  const storeOptions = {
    stateDir,
    runDir,
    run,
    now: () => clock.now(),
    masker,
    onPoison: onIoError,
  };
  let supervisor: Promise<SupervisorClient> | null = null;
  const supervisorOptions = { runDir, runtimeDir: runtimeDirFor(runDir), runId: run, distDir, secrets };
  const supervised = () => {
    supervisor ??= startSupervisor(supervisorOptions);
    void supervisor.then(
      (client) => nameVictim(() => client.identity()?.pid ?? null),
      () => {},
    );
    return supervisor;
  };
  // It starts while the first record is made. What is wrong with it the first command will tell.
  if (request.start !== null && refusals.length === 0 && beginsWithCommand(runbook))
    void supervised().then(
      (client) => client.start().catch(() => {}),
      () => {},
    );
  const actor: Person = request.drive.by;
  const store =
    request.start === null
      ? FileRunStore.open(storeOptions, journal)
      : FileRunStore.create(
          storeOptions,
          await firstEvent(request, request.start, runbook, config, target, tools, subjectConfig),
        );
  const started = store.record.started;
  refuseOtherMajor(started.tool);
  const record = store.record;
  refuseForged(record, config.policy);
  const root: Frame = newFrame({
    runbook,
    prefix: "",
    inputs: inputValues(inputs),
    target,
    run: {
      id: run,
      slug: run.slice("rb-".length),
      actor: started.actor,
      startedAt: new Date(started.at),
      reason: started.reason,
      dry: false,
    },
    facts: factsOf(() => store.record),
  });
  const { project } = config;
  if (request.start === null && record.finished !== null && isOver(record) && owesEvidence(runDir, record)) {
    const { exitCode } = record.finished;
    removeRuntimeDir(runtimeDirFor(runDir));
    const { afterwards } = await import("./after-execution.ts");
    await afterwards({ kind: "finished", exitCode }, { store, key: null, runDir, record, log, signKey, project });
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
    resumed: request.start === null,
    signer: signKey?.id ?? null,
  });
  const actions = createActionRunner({
    runDir,
    runId: run,
    slug: run.slice("rb-".length),
    actor: started.actor,
    executorNumber: record.executors.length,
    target,
    baseEnv,
    projectDir: config.project,
    windows: config.windows,
    clock,
    helperProgram: join(distDir, "helper.cjs"),
    masker,
    secrets,
    supervisor: supervised,
    append: (event) => store.append(event),
    committed: () => store.committed(),
    onIoError,
    failpoint: (name) => void failpoint(name),
    finishedRuns: () => finishedRuns(stateDir, run),
    onProgress: null,
  });
  const context: EngineContext = {
    store,
    clock,
    clockWatch,
    actions,
    catalogue: catalogue(),
    root,
    secrets: valuesOf(secrets, found.absent),
    maskedSecrets: Object.fromEntries(runbook.secrets.map((name) => [name, MASK])),
    policy: config.policy,
    actor,
    protected: config.target.protected,
    control: { stop: null, cancel: new AbortController(), isEnding: false, wake: null },
    preapproval: preapprovalOf(request, config.policy, record, () => clock.now()),
    mask: (text) => masker.text(text),
    scan: async () => {
      if (secrets.length === 0) return null;
      store.flush();
      return await scanForSecrets(runDir, secrets);
    },
    earlierRuns: () =>
      finishedRuns(stateDir, run).filter((each) => each.runbook === started.runbook && each.target === started.target),
    failpoint: (name) => void failpoint(name as Parameters<typeof failpoint>[0]),
  };
  const key = lockKey(runbook, root);
  if (key !== null && refusals.length === 0) {
    const lock = await store.acquireLock(key);
    if (lock.kind === "busy") refusals.push(busyText(key, lock));
    else if (!record.locks.has(key)) store.append({ type: "lock.acquired", key });
  }
  failpoint("lock.acquired");
  store.flush();
  log.info({ run, resumed: request.start === null, tool: toolName }, "executor started");
  if (request.onDisconnect === "stop") {
    void disconnected.then(() => {
      if (record.finished !== null || context.control.stop !== null) return;
      store.append({ type: "signal.received", signal: "SIGHUP", press: 1 });
      context.control.stop = { kind: "signal", signal: "SIGTERM" };
      context.control.wake?.();
    });
  }
  const outcome = await drive(
    context,
    { ...request.drive, refusal: refusals.length === 0 ? null : refusals.join("; ") },
    { signer: signerOf(config.policy, record) },
  );
  if (poisoned !== null) throw poisoned;
  await (supervisor as Promise<SupervisorClient> | null)?.then(
    (client) => client.close(),
    () => {},
  );
  removeRuntimeDir(runtimeDirFor(runDir));
  const { afterwards } = await import("./after-execution.ts");
  const code = await afterwards(outcome, { store, key, runDir, record, log, signKey, project });
  log.info({ code }, "executor ended");
  release();
  return code;
}

/** Loaded only where nobody has just read the runbook. */
async function readRunbook(runDir: string): Promise<Runbook> {
  const { loadSealed } = await import("./sealed-runbook.ts");
  return loadSealed(runDir, { isProven: true }).runbook;
}

function beginsWithCommand({ steps: [first] }: Pick<Runbook, "steps">): boolean {
  if (first === undefined) return false;
  return first.action.kind === "run" || beginsWithCommand({ steps: membersOf(first) });
}

/** Loaded only for a target that is a sandbox. */
async function runningSandbox(stateDir: string): Promise<SandboxInfo> {
  const { ensureSandbox } = await import("../../../sandbox/client.ts");
  return ensureSandbox(stateDir, { distDir });
}

async function prometheusProblem(runbook: Runbook): Promise<string | null> {
  const { prometheusRefusal } = await import("./sandbox-prometheus.ts");
  return prometheusRefusal(runbook, process.env["PATH"] ?? "");
}

/** What expressions see of the target, after its database was started if the run needs it. */
async function targetOf(
  request: ExecutorRequest,
  runbook: Runbook,
  inputs: readonly ResolvedInput[],
  config: Parameters<typeof resolveTarget>[0],
  name: string,
  { sandbox, found }: { readonly sandbox: SandboxInfo | null; readonly found: readonly FoundSecret[] },
): Promise<{ readonly target: JsonObject; readonly refusal: string | null }> {
  const target = resolveTarget(config, runbook, name, sandbox);
  if (sandbox === null) return { target, refusal: null };
  const { ensureDatabase } = await import("./sandbox-database.ts");
  const started = await ensureDatabase(runbook, target, inputValues(inputs), {
    stateDir: request.stateDir,
    found,
  });
  if (started.port === null) return { target, refusal: started.refusal };
  return {
    target: resolveTarget(config, runbook, name, { ...sandbox, databasePort: started.port }),
    refusal: started.refusal,
  };
}

/** The approval file of `run --approval`, checked again here and used up when a step asks. */
function preapprovalOf(
  request: ExecutorRequest,
  policy: Parameters<typeof checkPlanApproval>[2],
  record: FileRunStore["record"],
  now: () => Date,
): EngineContext["preapproval"] {
  const text = request.start?.approval ?? null;
  return (groups) => {
    if (text === null) return null;
    let given: PlanApproval;
    try {
      given = checkPlanApproval(text, record.started.planDigest, policy, request.drive.by, now());
    } catch (error) {
      // It counted when the run was started; steps before the question may have taken longer than it was valid.
      if (error instanceof CommandError) return { kind: "refused", why: error.message };
      throw error;
    }
    const { by, nonce } = given;
    if (groups.length > 0 && !by.groups.some((group) => groups.includes(group))) {
      return {
        kind: "refused",
        why: `${by.name} is in ${by.groups.join(", ")}, and ${groups.join(" or ")} must answer`,
      };
    }
    if (!useUp(request.stateDir, nonce)) return { kind: "refused", why: usedUp().message };
    return { kind: "approved", by, signature: text };
  };
}

/** A key that cannot be used stops the run before its first step. */
function usableKey(project: string, refusals: string[]): PrivateKey | null {
  try {
    return signingKey(project);
  } catch (error) {
    refusals.push(
      `RUNBOOK_SIGN_KEY: the evidence cannot be signed: ${error instanceof Error ? error.message : String(error)}`,
    );
    return null;
  }
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
