/** What `doctor` checks on any machine. */
import { accessSync, closeSync, constants, existsSync, openSync, realpathSync, statfsSync, unlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { readSandbox } from "../../../sandbox/client.ts";
import { systemClock } from "../../host/clock.ts";
import { openStateDirectory } from "../../host/state-dir.ts";
import { approverKeys } from "../project/approver-keys.ts";
import { pastRuns } from "../project/past-runs.ts";
import { configName, type Project } from "../project/project.ts";
import { asciiSymbols, type Terminal } from "../terminal/terminal.ts";
import { counted } from "../terminal/text-table.ts";
import { packageDir } from "../version.ts";

/** An item of `runbook.doctor/1.0`. */
export interface Finding {
  readonly check: string;
  /** `problem` = something required is missing. */
  readonly status: "ok" | "warning" | "problem";
  readonly detail: string;
  /** What to type. */
  readonly next: string | null;
}

const ok = (check: string, detail: string): Finding => ({ check, status: "ok", detail, next: null });
const warning = (check: string, detail: string, next: string | null): Finding => ({
  check,
  status: "warning",
  detail,
  next,
});
const problem = (check: string, detail: string, next: string | null): Finding => ({
  check,
  status: "problem",
  detail,
  next,
});

/** `engines` of package.json. */
const leastNode = [20, 19] as const;

export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  if (enough) return ok("node", version);
  return problem("node", `${version}; ${leastNode.join(".")} or newer is needed`, "https://nodejs.org/en/download");
}

const lowBytes = 100 * 1024 * 1024;

export function checkState(stateDir: string): Finding {
  const check = "state directory";
  const there = nearestExisting(stateDir);
  const choose = "export RUNBOOK_STATE_DIR=$HOME/.local/state/runbook";
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    if (there !== stateDir) return ok(check, `${stateDir} will be created`);
    openStateDirectory(stateDir);
    const file = join(stateDir, `.doctor-${process.pid}`);
    closeSync(openSync(file, "wx", 0o600));
    unlinkSync(file);
    const { bavail, bsize } = statfsSync(stateDir);
    const free = bavail * bsize;
    if (free < lowBytes)
      return problem(check, `${stateDir} has ${Math.floor(free / 1024 / 1024)} MiB left`, `df -h ${stateDir}`);
    return ok(check, `${stateDir} is writable, local and only yours`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = error instanceof Error ? error.message : String(error);
    return problem(check, code === undefined ? why : `${there} cannot be written: ${code}`, choose);
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Expiry, windows and evidence depend on the wall clock; a record from the future shows that it went back. */
export function checkClock(stateDir: string): Finding {
  const now = systemClock().now();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const newest = pastRuns(stateDir)
    .runs.map(({ record }) => record.lastAt)
    .sort()
    .at(-1);
  if (newest !== undefined && Date.parse(newest) > now.getTime() + 60_000)
    return problem("clock", `it says ${now.toISOString()}, but a run was recorded at ${newest}`, "timedatectl status");
  return ok("clock", `${now.toISOString()}, zone ${zone}`);
}

/** Other tools install an executable of this name too. */
export function checkPath(path: string = process.env["PATH"] ?? ""): Finding[] {
  const own = realPath(join(packageDir, "bin", "runbook.cjs"));
  const first = firstOnPath("runbook", path);
  const short = firstOnPath("rbk", path);
  if (first === null && short === null)
    return [
      warning("PATH", "runbook is not on PATH", `alias runbook='node ${join(packageDir, "bin", "runbook.cjs")}'`),
    ];
  const findings: Finding[] = [];
  for (const [name, file] of [
    ["runbook", first],
    ["rbk", short],
  ] as const) {
    if (file === null || realPath(file) === own) continue;
    const isOurs = short !== null && realPath(short) === own;
    const next = name === "runbook" && isOurs ? "type rbk instead of runbook" : `ls -l ${file}`;
    findings.push(warning("PATH", `another ${name} comes first: ${file}`, next));
  }
  return findings.length > 0 ? findings : [ok("PATH", `${first ?? short} is this tool`)];
}

function firstOnPath(name: string, path: string): string | null {
  for (const directory of path.split(delimiter)) {
    const file = join(directory || ".", name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return null;
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

export function checkProject(project: Project): Finding {
  if (!project.hasConfig) return warning("project", `no ${configName} here or above`, "runbook init");
  const errors = project.configDiagnostics.filter((item) => item.severity === "error").length;
  const file = join(project.dir, configName);
  if (errors > 0) return problem("project", `${file} has ${counted(errors, "error")}`, "runbook validate");
  return ok("project", `${file}, ${counted(Object.keys(project.config.targets).length, "target")}`);
}

/** Only those that cannot sign are told. */
export function checkApprovers(project: Project): Finding[] {
  return approverKeys(project)
    .filter((item) => item.problem !== null)
    .map((item) =>
      warning(
        "approver key",
        `${item.name} (${item.group}) cannot sign: ${item.key}: ${item.problem}`,
        `runbook keys new ${item.name}`,
      ),
    );
}

export function checkSandbox(stateDir: string): Finding {
  const info = readSandbox(stateDir);
  if (info === null) return ok("sandbox", "never started; a run on a sandbox target starts it");
  if (!info.running) return ok("sandbox", "stopped; a run on a sandbox target starts it");
  return ok("sandbox", `runs at ${info.api} (pid ${info.pid})`);
}

export function checkTerminal(terminal: Terminal): Finding {
  const parts = [
    terminal.interactive ? "can ask questions" : "cannot ask questions",
    `progress ${terminal.progress}`,
    terminal.colorOut ? "colour" : "no colour",
    terminal.symbols === asciiSymbols ? "ASCII" : "Unicode",
    `${terminal.width} columns`,
  ];
  return ok("terminal", parts.join(", "));
}
