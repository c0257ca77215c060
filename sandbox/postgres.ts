/**
 * The sandbox's database: a real PostgreSQL on loopback with the demo shop. Needs the server programs of the machine
 * (Debian package postgresql-15 or newer); nothing is downloaded.
 */
import { execFile } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { readJson } from "./json-file.ts";
import { type Credentials, sandboxLayout } from "./layout.ts";
import { databaseDummies, databaseSecrets, rolesSql, shopSql } from "./postgres-seed.ts";

/** As `source` and `scratch` of the target `local` in the project file. */
export const defaultDatabasePort = 5433;

/** PostgreSQL refuses to run as root; then this user, who owns nothing else, runs it. */
const nobodyId = 65_534;

/** Where its data is then: a folder everybody can reach and that outlives a restart of the machine (FHS 5.15). */
const rootsFolder = "/var/tmp";

const debianFolder = "/usr/lib/postgresql";
const oldestVersion = 15;
const commandTimeoutMs = 60_000;

/** A failure to start or stop the database; the message says what to do next. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
}

interface Recorded {
  readonly port: number;
  /** Absolute. */
  readonly data: string;
}

export interface Database {
  readonly port: number;
  readonly running: boolean;
}

/** What is known of the database of a state directory; null when it was never started. */
export async function readDatabase(stateDir: string): Promise<Database | null> {
  const recorded = readJson<Recorded>(fileOf(stateDir));
  if (recorded === null || !existsSync(recorded.data)) return null;
  const { code } = await asServer(programs(), "pg_ctl", ["status", `--pgdata=${recorded.data}`]);
  return { port: recorded.port, running: code === 0 };
}

/**
 * Starts the database of a sandbox that was started before, and makes roles and the shop the first time. Throws a
 * `DatabaseError` naming the package when PostgreSQL is not installed, or with the server's own words.
 */
export async function startDatabase(stateDir: string, port = defaultDatabasePort): Promise<Database> {
  const credentials = readJson<Credentials>(sandboxLayout(stateDir).credentials);
  if (credentials === null) throw new DatabaseError("The sandbox was never started: npm run -s sandbox -- start");
  const bin = programs();
  const before = await readDatabase(stateDir);
  if (before?.running === true) return before;
  const folder = ownFolder(stateDir);
  const data = join(folder, "data");
  const isNew = !existsSync(join(data, "PG_VERSION"));
  const superuser = createHmac("sha256", credentials.flyApiToken).update("postgres").digest("hex");
  if (isNew) await initialise(bin, folder, data, superuser);
  writeFileSync(fileOf(stateDir), JSON.stringify({ port, data } satisfies Recorded), { mode: 0o600 });
  const log = join(folder, "server.log");
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=`;
  const started = await asServer(bin, "pg_ctl", [
    "start",
    "--wait",
    `--pgdata=${data}`,
    `--log=${log}`,
    `--options=${options}`,
  ]);
  if (started.code !== 0) {
    throw new DatabaseError(
      `PostgreSQL did not start on 127.0.0.1:${port}: ${lastLine(started.stdout)} See ${log}; if another server has the port, choose one with --port and write it into runbook.config.yaml.`,
    );
  }
  if (!isNew) return { port, running: true };
  try {
    const password = (name: keyof typeof databaseSecrets) =>
      databaseDummies(credentials.flyApiToken)[databaseSecrets[name]] ?? "";
    const roles = { backup_reader: password("backup_reader"), drill: password("drill"), seeder: password("seeder") };
    await sql(bin, port, superuser, "postgres", `${rolesSql(roles)}\n`);
    await sql(bin, port, superuser, "postgres", "CREATE DATABASE shop;\n");
    await sql(bin, port, superuser, "shop", shopSql);
  } catch (error) {
    // Half a shop would be taken for a whole one by the next start.
    await stopDatabase(stateDir);
    rmSync(data, { recursive: true, force: true });
    throw error;
  }
  return { port, running: true };
}

/** Ends the database in order; false when it did not run. */
export async function stopDatabase(stateDir: string): Promise<boolean> {
  const recorded = readJson<Recorded>(fileOf(stateDir));
  if (recorded === null || (await readDatabase(stateDir))?.running !== true) return false;
  const stopped = await asServer(programs(), "pg_ctl", ["stop", "--wait", "--mode=fast", `--pgdata=${recorded.data}`]);
  if (stopped.code !== 0) throw new DatabaseError(`PostgreSQL did not stop: ${lastLine(stopped.stderr)}`);
  return true;
}

/** Ends the database and removes its data; the next start makes a new one. False when there was none. */
export async function removeDatabase(stateDir: string): Promise<boolean> {
  const recorded = readJson<Recorded>(fileOf(stateDir));
  if (recorded === null) return false;
  await stopDatabase(stateDir);
  rmSync(ownFolder(stateDir), { recursive: true, force: true });
  rmSync(fileOf(stateDir), { force: true });
  return true;
}

async function initialise(bin: string, folder: string, data: string, superuser: string): Promise<void> {
  // initdb takes a password from a file only.
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, `${superuser}\n`, { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(passwordFile, nobodyId, nobodyId);
  const words = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"];
  const made = await asServer(bin, "initdb", [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...words]);
  rmSync(passwordFile);
  if (made.code !== 0) throw new DatabaseError(`initdb failed: ${made.stderr.trim()}`);
}

async function sql(bin: string, port: number, password: string, database: string, text: string): Promise<void> {
  const words = [
    "-X",
    "-q",
    "-w",
    "-v",
    "ON_ERROR_STOP=1",
    "-1",
    "-h",
    "127.0.0.1",
    "-p",
    String(port),
    "-U",
    "postgres",
  ];
  // CREATE DATABASE stands alone and takes no transaction.
  const single = text.startsWith("CREATE DATABASE") ? words.filter((word) => word !== "-1") : words;
  const done = await run(join(bin, "psql"), [...single, "-f", "-", database], text, {
    PGPASSWORD: password,
    LC_ALL: "C",
  });
  if (done.code !== 0) throw new DatabaseError(`The demo shop was not made: ${done.stderr.trim()}`);
}

const fileOf = (stateDir: string): string => join(sandboxLayout(stateDir).dir, "postgres.json");

/**
 * Below the state directory. As root it is outside, because the user who runs the server cannot look into a state
 * directory that belongs to root.
 */
function ownFolder(stateDir: string): string {
  const { dir } = sandboxLayout(stateDir);
  if (process.getuid?.() !== 0) {
    mkdirSync(join(dir, "postgres"), { recursive: true, mode: 0o700 });
    return join(dir, "postgres");
  }
  const folder = join(rootsFolder, `runbook-postgres-${createHash("sha256").update(dir).digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== nobodyId))
    throw new DatabaseError(`${folder} is somebody else's. Remove it and start again.`);
  chownSync(folder, nobodyId, nobodyId);
  return folder;
}

function programs(): string {
  const debian = existsSync(debianFolder)
    ? readdirSync(debianFolder)
        .filter((version) => Number(version) >= oldestVersion)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(debianFolder, version, "bin"))
    : [];
  const all = [...debian, ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = all.find((folder) => ["initdb", "pg_ctl", "psql"].every((name) => isExecutable(join(folder, name))));
  if (found !== undefined) return found;
  throw new DatabaseError(
    "PostgreSQL is not installed. On Debian: apt-get install postgresql-15 (and postgresql-15-pgtap for rls-checks).",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function asServer(bin: string, program: string, words: readonly string[]): Promise<Ended> {
  const env = { LC_ALL: "C" };
  if (process.getuid?.() !== 0) return await run(join(bin, program), words, "", env);
  const as = [`--reuid=${nobodyId}`, `--regid=${nobodyId}`, "--clear-groups", "--no-new-privs"];
  return await run("setpriv", [...as, join(bin, program), ...words], "", env);
}

async function run(
  program: string,
  words: readonly string[],
  stdin: string,
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  return await new Promise((resolve) => {
    const options = { env: { PATH: process.env["PATH"] ?? "", ...env }, cwd: "/", timeout: commandTimeoutMs };
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      const failed = error !== null && child.exitCode === null ? error.message : "";
      resolve({ code: child.exitCode, stdout, stderr: stderr + failed });
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
