/**
 * Executors of undisturbed resumes, in the process of the test: the engine, the journal, the supervisor and the commands
 * are the real ones; only the starts of a viewer and of an executor's own process are saved.
 */
import pino from "pino";
import { execute } from "../../src/cli/execute/execution.ts";
import type { DriveRequest } from "../../src/engine/engine.ts";
import { runDirectory } from "../../src/host/state-dir.ts";

const silent = pino({ level: "silent" });
const never = new Promise<void>(() => {});
const tester = { name: "tester", method: "login", login: "tester", keyId: null, groups: [] } as const;

/** Resumes a run with the environment `env` and nothing else of this process's; gives the code of the executor. */
export async function resumeInProcess(
  { stateDir, run, env }: { stateDir: string; run: string; env: Readonly<Record<string, string>> },
  decisions: DriveRequest["decisions"],
): Promise<number> {
  const before = { ...process.env };
  replaceEnvironment(env);
  try {
    const drive = { resumed: true, by: tester, decisions, overrides: [], rollback: false, abort: null, refusal: null };
    const request = {
      stateDir,
      run,
      runbook: null,
      start: null,
      sensitive: {},
      drive,
      onDisconnect: "continue",
    } as const;
    const equipment = { log: silent, maskLog: () => {}, disconnected: never, supervisor: null };
    return await execute(request, runDirectory(stateDir, run), equipment);
  } finally {
    replaceEnvironment(before);
  }
}

function replaceEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}
