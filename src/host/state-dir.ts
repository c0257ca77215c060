/** The state directory: where runs, locks and the sandbox live, and whether it is safe to use. */
import { existsSync, lstatSync, readdirSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { makeDirectory } from "./durable-file.ts";

/** File systems whose locks and syncs cannot be trusted (`statfs(2)` magic numbers): NFS, SMB, CIFS, SMB2, 9p, FUSE. */
const networkFileSystems: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB2",
  16914839: "9p",
};

/** Thrown for a directory that must not hold state; exit 4. */
export class UnsafeStateDirectory extends Error {}

/** `--state-dir` > `RUNBOOK_STATE_DIR` > `state` of the config or `.runbook` in the project > XDG state directory. */
export function stateDirectory(options: {
  flag: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  project: string | null;
  configured: string | null;
}): string {
  const { flag, env, project, configured } = options;
  if (flag !== undefined) return resolve(flag);
  if (env["RUNBOOK_STATE_DIR"]) return resolve(env["RUNBOOK_STATE_DIR"]);
  if (project !== null) return resolve(project, configured ?? ".runbook");
  return join(env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "runbook");
}

/** Creates the directory if needed and refuses one that others may write, or a network file system. */
export function openStateDirectory(directory: string): void {
  makeDirectory(directory);
  refuseUnlessOurs("the state directory", directory);
  const network = networkFileSystems[statfsSync(directory).type >>> 0];
  if (network !== undefined && process.env["RUNBOOK_ALLOW_NETWORK_STATE"] !== "1") {
    throw new UnsafeStateDirectory(
      `the state directory ${directory} is on ${network}, where locks and syncs cannot be trusted; choose a local one with --state-dir`,
    );
  }
  for (const name of ["runs", "locks"]) {
    makeDirectory(join(directory, name));
    refuseUnlessOurs(`${name}/ of the state directory`, join(directory, name));
  }
}

function refuseUnlessOurs(what: string, directory: string): void {
  const state = lstatSync(directory);
  const refuse = (why: string): never => {
    throw new UnsafeStateDirectory(`${what}, ${directory}, ${why}`);
  };
  if (state.isSymbolicLink()) refuse("is a symbolic link; name the directory itself with --state-dir");
  if (!state.isDirectory()) refuse("is not a directory; name one with --state-dir");
  const uid = process.getuid?.();
  if (uid !== undefined && state.uid !== uid) {
    refuse(`belongs to another user (uid ${state.uid}); name one of your own with --state-dir`);
  }
  if ((state.mode & 0o022) !== 0) {
    refuse(`may be written by others (mode ${(state.mode & 0o777).toString(8)}); run: chmod go-w ${directory}`);
  }
}

export const runIdPattern = /^rb-[a-z0-9]{6}$/;

export function runDirectory(stateDir: string, run: string): string {
  if (!runIdPattern.test(run)) throw new Error(`${run} is not a run id`);
  return join(stateDir, "runs", run);
}

/** Ids of all runs that have a directory, in no order. */
export function runIds(stateDir: string): string[] {
  const runs = join(stateDir, "runs");
  if (!existsSync(runs)) return [];
  return readdirSync(runs).filter((name) => runIdPattern.test(name));
}
