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
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { databaseFile, type RecordedDatabase, recordedDatabase } from "./database-file.ts";
import { readJson } from "./json-file.ts";
import { type Credentials, sandboxLayout } from "./layout.ts";
import { releaseLock, takeLock } from "./lock.ts";
import { databaseDummies, databaseSecrets, opsSql, rolesSql, shopSql } from "./postgres-seed.ts";

/** As `source` and `scratch` of the target `local` in the project file. */
export const defaultDatabasePort = 5433;

/** PostgreSQL refuses to run as root; then this user, who owns nothing else, runs it. */
const nobodyId = 65_534;

/** Where its data is then: a folder everybody can reach and that outlives a restart of the machine (FHS 5.15). */
const rootsFolder = "/var/tmp";

const debianFolder = "/usr/lib/postgresql";
const oldestVersion = 15;
const commandTimeoutMs = 60_000;
const install = "On Debian: apt-get install postgresql-15 (and postgresql-15-pgtap for rls-checks).";
const lockTimeoutMs = 90_000;
const pollMs = 50;

/** A failure to start or stop the database; the message says what to do next. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
}

export interface Database {
  readonly port: number;
  readonly running: boolean;
}

/** What is known of the database of a state directory; null when it was never started. */
export async function readDatabase(stateDir: string): Promise<Database | null> {
  const recorded = recordedDatabase(stateDir);
  if (recorded === null) return null;
  const { code } = await asServer(programs(), "pg_ctl", ["status", `--pgdata=${recorded.data}`]);
  return { port: recorded.port, running: code === 0 };
}

/**
 * Starts the database of a sandbox that was started before, unless it runs, and makes roles and the shop the first time.
 * Port 0 is a free one, kept over restarts as long as nobody else takes it. Two callers at once get one server. Throws a
 * `DatabaseError` naming the package when PostgreSQL is not installed, when it runs on another port, or with its own words.
 */
export async function startDatabase(stateDir: string, port = defaultDatabasePort): Promise<Database> {
  const credentials = readJson<Credentials>(sandboxLayout(stateDir).credentials);
  if (credentials === null) throw new DatabaseError("The sandbox was never started: npm run -s sandbox -- start");
  const bin = programs();
  const lock = `${databaseFile(stateDir)}.lock`;
  await takeTurn(lock);
  try {
    const before = await readDatabase(stateDir);
    if (before?.running !== true) return await start(stateDir, bin, credentials, await portFor(port, before));
    if (port !== 0 && port !== before.port) {
      throw new DatabaseError(
        `The PostgreSQL of this sandbox runs on port ${before.port}, and ${port} is asked for. End it (npm run -s sandbox -- postgres stop), or write port ${before.port}, or 0 for whichever it has.`,
      );
    }
    return before;
  } finally {
    releaseLock(lock);
  }
}

async function start(stateDir: string, bin: string, credentials: Credentials, port: number): Promise<Database> {
  const folder = ownFolder(stateDir);
  const data = join(folder, "data");
  const isNew = !existsSync(join(data, "PG_VERSION"));
  const superuser = createHmac("sha256", credentials.flyApiToken).update("postgres").digest("hex");
  if (isNew) await initialise(bin, folder, data, superuser);
  writeFileSync(databaseFile(stateDir), JSON.stringify({ port, data } satisfies RecordedDatabase), { mode: 0o600 });
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
    // Without its roles and shop it would be taken for a whole one by the next start.
    if (isNew) forget(stateDir, data);
    throw new DatabaseError(`PostgreSQL did not start on 127.0.0.1:${port}: ${lastLine(started.stdout)} See ${log}`);
  }
  if (!isNew) return { port, running: true };
  try {
    const dummies = databaseDummies(credentials.flyApiToken);
    const passwords = Object.fromEntries(
      Object.entries(databaseSecrets).map(([role, secret]) => [role, dummies[secret] ?? ""]),
    ) as Record<keyof typeof databaseSecrets, string>;
    await sql(bin, port, superuser, "postgres", `${rolesSql(passwords)}\n`);
    await sql(bin, port, superuser, "postgres", "CREATE DATABASE shop;\n");
    await sql(bin, port, superuser, "shop", shopSql);
    await sql(bin, port, superuser, "postgres", "CREATE DATABASE ops;\n");
    await sql(bin, port, superuser, "ops", opsSql);
  } catch (error) {
    // Half a shop would be taken for a whole one by the next start.
    await stopDatabase(stateDir);
    forget(stateDir, data);
    throw error;
  }
  return { port, running: true };
}

function forget(stateDir: string, data: string): void {
  rmSync(data, { recursive: true, force: true });
  rmSync(databaseFile(stateDir), { force: true });
}

/** Waits for other starters, who need seconds. */
async function takeTurn(lock: string): Promise<void> {
  const deadline = Date.now() + lockTimeoutMs;
  for (;;) {
    const { holder } = takeLock(lock);
    if (holder === null) return;
    if (Date.now() > deadline)
      throw new DatabaseError(
        `Process ${holder.pid} has been starting PostgreSQL for ${lockTimeoutMs / 1000} s; end it.`,
      );
    await new Promise<void>((done) => setTimeout(done, pollMs));
  }
}

/** The one it had stays the same, so that what was written down about it stays true. */
async function portFor(asked: number, before: Database | null): Promise<number> {
  if (asked !== 0) {
    if ((await listenOn(asked)) !== null) return asked;
    throw new DatabaseError(
      `another server has 127.0.0.1:${asked}. Write another port into runbook.config.yaml, or 0 for a free one.`,
    );
  }
  const port = (before === null ? null : await listenOn(before.port)) ?? (await listenOn(0));
  if (port === null) throw new DatabaseError("No port of 127.0.0.1 is free.");
  return port;
}

/** Listens for a moment; null when somebody else does. */
async function listenOn(port: number): Promise<number | null> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : null));
    });
  });
}

/** Ends the database in order; false when it did not run. */
export async function stopDatabase(stateDir: string): Promise<boolean> {
  const recorded = recordedDatabase(stateDir);
  if (recorded === null || (await readDatabase(stateDir))?.running !== true) return false;
  const stopped = await asServer(programs(), "pg_ctl", ["stop", "--wait", "--mode=fast", `--pgdata=${recorded.data}`]);
  if (stopped.code !== 0) throw new DatabaseError(`PostgreSQL did not stop: ${lastLine(stopped.stderr)}`);
  return true;
}

/** Ends the database and removes its data; the next start makes a new one. False when there was none. */
export async function removeDatabase(stateDir: string): Promise<boolean> {
  await stopDatabase(stateDir);
  const folder = folderOf(stateDir);
  const wasThere = existsSync(folder);
  rmSync(folder, { recursive: true, force: true });
  rmSync(databaseFile(stateDir), { force: true });
  return wasThere;
}

async function initialise(bin: string, folder: string, data: string, superuser: string): Promise<void> {
  // initdb takes a password from a file only.
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, `${superuser}\n`, { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(passwordFile, nobodyId, nobodyId);
  const words = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"];
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

/**
 * Below the state directory. As root it is outside, because the user who runs the server cannot look into a state
 * directory that belongs to root.
 */
function folderOf(stateDir: string): string {
  const { dir } = sandboxLayout(stateDir);
  if (process.getuid?.() !== 0) return join(dir, "postgres");
  return join(rootsFolder, `runbook-postgres-${createHash("sha256").update(dir).digest("hex").slice(0, 16)}`);
}

/** The folder, made if it is not there. */
function ownFolder(stateDir: string): string {
  const folder = folderOf(stateDir);
  const isRoot = process.getuid?.() === 0;
  if (!existsSync(folder)) mkdirSync(folder, { recursive: !isRoot, mode: 0o700 });
  if (!isRoot) return folder;
  const found = lstatSync(folder);
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== nobodyId))
    throw new DatabaseError(`${folder} is somebody else's. Remove it and start again.`);
  chownSync(folder, nobodyId, nobodyId);
  return folder;
}

/** Folder of the server's programs: the newest installed one, or the one that `RUNBOOK_SANDBOX_POSTGRES` names. */
function programs(): string {
  const chosen = process.env["RUNBOOK_SANDBOX_POSTGRES"] ?? "";
  if (chosen !== "") {
    if (hasPrograms(chosen)) return chosen;
    throw new DatabaseError(`RUNBOOK_SANDBOX_POSTGRES: ${chosen} holds no PostgreSQL. ${install}`);
  }
  const debian = existsSync(debianFolder)
    ? readdirSync(debianFolder)
        .filter((version) => Number(version) >= oldestVersion)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(debianFolder, version, "bin"))
    : [];
  const all = [...debian, ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = all.find(hasPrograms);
  if (found !== undefined) return found;
  throw new DatabaseError(`PostgreSQL is not installed. ${install}`);
}

function hasPrograms(folder: string): boolean {
  return ["initdb", "pg_ctl", "psql"].every((name) => isExecutable(join(folder, name)));
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
