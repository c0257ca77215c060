/** Facts about where a run happens, and the environment children get. */
import { execFile } from "node:child_process";
import { arch, hostname, type as osType, release, userInfo } from "node:os";
import type { JsonObject } from "../util/json.ts";

/** Names a child inherits; everything else must be declared. (`NODE_OPTIONS`, `LD_*`, `BASH_ENV` and such are not here.) */
const inherited = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
  "USER",
  "LOGNAME",
  "SHELL",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "SSH_AUTH_SOCK",
];

/** A child that would prompt must fail instead: nobody sits at its standard input. */
const neverPrompt = { GIT_TERMINAL_PROMPT: "0", DEBIAN_FRONTEND: "noninteractive" };

export function childEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  pathPrefix: string | null,
): Record<string, string> {
  const child: Record<string, string> = { ...neverPrompt };
  for (const name of inherited) {
    const value = env[name];
    if (value !== undefined) child[name] = value;
  }
  if (pathPrefix !== null) child["PATH"] = `${pathPrefix}:${child["PATH"] ?? "/usr/bin:/bin"}`;
  return child;
}

/** `login@host`, the identity of who starts a command. */
export function loginName(): string {
  let user: string;
  try {
    user = userInfo().username;
  } catch {
    user = `uid-${process.getuid?.() ?? 0}`; // a uid without an account, as in containers
  }
  return `${user}@${hostname()}`;
}

let zone: string | undefined;

/** IANA name. Asking for it the first time reads the tables of all languages: 13 ms. */
export function timeZone(): string {
  zone ??= Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone;
}

export function environmentFacts(): JsonObject {
  return {
    host: hostname(),
    os: osType(),
    kernel: release(),
    arch: arch(),
    node: process.version,
    user: loginName(),
    timezone: timeZone(),
  };
}

/** Commit of the project and whether it has changes; nulls outside a repository or without git. */
export async function sourceState(directory: string): Promise<{ commit: string | null; dirty: boolean | null }> {
  // Runs append to the register of drills themselves: that changes no procedure.
  const paths = ["--untracked-files=no", "--", ".", ":(exclude)drills.ndjson"];
  const status = await git(directory, "status", "--porcelain=v2", "--branch", ...paths);
  // Of a repository too large or too broken for its status, the commit may be known all the same.
  if (status === null)
    return { commit: (await git(directory, "rev-parse", "--verify", "HEAD"))?.trim() ?? null, dirty: null };
  const commit = /^# branch\.oid ([0-9a-f]+)$/m.exec(status)?.[1] ?? null;
  return commit === null ? { commit, dirty: null } : { commit, dirty: /^[^#]/m.test(status) };
}

/** What it prints; null when it fails, takes too long or is not there. */
function git(directory: string, ...words: string[]): Promise<string | null> {
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
  const options = { env, timeout: 5_000, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve) => {
    const child = execFile("git", ["-C", directory, ...words], options, (error, stdout) => {
      resolve(error === null ? stdout : null);
    });
    child.stdin?.end();
  });
}
