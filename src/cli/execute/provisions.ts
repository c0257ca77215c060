/** What an execution works with, from the sealed copy and from this machine, and every reason why it may not go on. */
import type { SandboxInfo } from "../../../sandbox/client.ts";
import { childEnvironment } from "../../host/environment.ts";
import { readSealedConfig, type SealedConfig } from "../../host/sealed-run.ts";
import { type FoundSecret, resolveSecrets, type SecretLookup } from "../../host/secrets.ts";
import { runtimeDirFor, runtimeDirProblem } from "../../host/supervisor/runtime-dir.ts";
import type { Runbook } from "../../language/runbook.ts";
import { placeAtStart } from "../../plan/at-start.ts";
import { inputValues, type ResolvedInput, type SubjectConfig } from "../../plan/build-plan.ts";
import { resolveTarget } from "../../plan/target.ts";
import type { PrivateKey } from "../../report/keys.ts";
import type { JsonObject } from "../../util/json.ts";
import { createMasker, type Masker } from "../../util/mask/masker.ts";
import { refusalOf } from "../../util/mask/refusal.ts";
import { type ToolState, toolStates } from "../project/tool-states.ts";
import { type ExecutorRequest, unpackRunbook } from "../start/executor-request.ts";
import { secretSources } from "../start/secret-sources.ts";
import { distDir } from "../version.ts";
import { knownTexts } from "./known-texts.ts";
import { signingKey } from "./signing-key.ts";

export interface Provisions {
  readonly runbook: Runbook;
  readonly config: SealedConfig;
  /** What the digest of the plan sees of the project. */
  readonly project: SubjectConfig;
  readonly inputs: readonly ResolvedInput[];
  /** As expressions see it. */
  readonly target: JsonObject;
  readonly tools: readonly ToolState[];
  /** Allow-listed environment of every child. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Every value that is masked, sensitive inputs included. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  /** Optional secrets that no provider knows. */
  readonly absent: SecretLookup["absent"];
  readonly masker: Masker;
  readonly signKey: PrivateKey | null;
  /** In words; a run with any of them does not go on. */
  readonly refusals: readonly string[];
}

/** Call it after `checkSealed` and after the plug-ins of the run are in the catalogue. */
export async function provide(
  request: ExecutorRequest,
  runDir: string,
  inputs: readonly ResolvedInput[],
  maskLog: (mask: (line: string) => string) => void,
): Promise<Provisions> {
  const config = readSealedConfig(runDir);
  const { policy, windows } = config;
  const project: SubjectConfig = { targets: { [config.target.name]: config.target }, policy, windows };
  const runbook = request.runbook === null ? await readRunbook(runDir) : unpackRunbook(request.runbook);
  const sandbox = config.target.sandbox ? await runningSandbox(request.stateDir) : null;
  const looked = await resolveSecrets(
    await secretSources({
      runbook,
      target: config.target,
      providers: config.secrets,
      projectDir: config.project,
      sandbox,
    }),
  );
  const refusals = missingSecrets(looked, config.target.name);
  const { target, refusal: noDatabase } = await targetOf(
    request.stateDir,
    runbook,
    inputs,
    project,
    config.target.name,
    { sandbox, found: looked.found },
  );
  if (noDatabase !== null) refusals.push(noDatabase);
  const noPrometheus = sandbox === null ? null : await prometheusProblem(runbook);
  if (noPrometheus !== null) refusals.push(noPrometheus);
  const secrets = maskable(looked.found, request.sensitive, knownTexts(runDir, request, target), refusals);
  const masker = createMasker(secrets);
  maskLog((line) => masker.text(line));
  const baseEnv = childEnvironment(process.env, sandbox?.binDir ?? null);
  const place = placeAtStart(runbook, target, inputValues(inputs));
  const tools = await toolStates(runbook, baseEnv, config.project, true, place);
  for (const { problem } of tools) if (problem !== null) refusals.push(problem);
  const noRuntimeDir = runtimeDirProblem(runtimeDirFor(runDir));
  if (noRuntimeDir !== null) refusals.push(noRuntimeDir);
  const signKey = usableKey(config.project, refusals);
  const { absent } = looked;
  return { runbook, config, project, inputs, target, tools, baseEnv, secrets, absent, masker, signKey, refusals };
}

/** Loaded only where nobody has just read the runbook. */
async function readRunbook(runDir: string): Promise<Runbook> {
  const { loadSealed } = await import("./sealed-runbook.ts");
  return loadSealed(runDir, { isProven: true }).runbook;
}

function missingSecrets({ missing, problems }: SecretLookup, target: string): string[] {
  const why = problems.length > 0 ? ` (${problems.join("; ")})` : "";
  return missing.map((name) => `no provider knows the secret ${name} for ${target}${why}`);
}

/** The values to mask. One that is too short, or stands in a public text, is a refusal. */
function maskable(
  found: readonly FoundSecret[],
  sensitive: ExecutorRequest["sensitive"],
  known: ReturnType<typeof knownTexts>,
  refusals: string[],
): { name: string; value: string }[] {
  const inputs = Object.entries(sensitive)
    .filter(([, value]) => typeof value === "string" && value !== "")
    .map(([name, value]) => ({ name: `inputs.${name}`, value: String(value) }));
  const secrets: { name: string; value: string }[] = [];
  for (const { name, value } of [...found, ...inputs]) {
    const refusal = refusalOf(name, value, known);
    if (refusal !== null) refusals.push(refusal);
    // Also one that stands in a public text is masked: its refusal must not copy it into the evidence.
    if (refusalOf(name, value, []) === null) secrets.push({ name, value });
  }
  return secrets;
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
  stateDir: string,
  runbook: Runbook,
  inputs: readonly ResolvedInput[],
  project: SubjectConfig,
  name: string,
  { sandbox, found }: { readonly sandbox: SandboxInfo | null; readonly found: readonly FoundSecret[] },
): Promise<{ readonly target: JsonObject; readonly refusal: string | null }> {
  const target = resolveTarget(project, runbook, name, sandbox);
  if (sandbox === null) return { target, refusal: null };
  const { ensureDatabase } = await import("./sandbox-database.ts");
  const started = await ensureDatabase(runbook, target, inputValues(inputs), {
    stateDir,
    found,
  });
  if (started.port === null) return { target, refusal: started.refusal };
  return {
    target: resolveTarget(project, runbook, name, { ...sandbox, databasePort: started.port }),
    refusal: started.refusal,
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
