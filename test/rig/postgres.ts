/**
 * A real PostgreSQL on a free loopback port, its data in a temporary folder. PostgreSQL refuses to run as root, so then
 * it runs as another user by `setpriv`. Where the programs are missing, tests say so instead of passing silently.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { identityOf } from "../../src/host/supervisor/process-identity.ts";
import { kill9 } from "./processes.ts";

const debianFolder = "/usr/lib/postgresql";
/** Debian's `nobody`: owns nothing, so nothing but the test's own folder can be harmed. */
const unprivilegedId = 65_534;
const adminPassword = "test-admin-password";

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Folder of the newest installed server programs; null = none. */
export function postgresPrograms(): string | null {
  const folders = existsSync(debianFolder)
    ? readdirSync(debianFolder)
        .filter((version) => Number(version) >= 15)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(debianFolder, version, "bin"))
    : [];
  const onPath = (process.env["PATH"] ?? "").split(":");
  return (
    [...folders, ...onPath].find((folder) =>
      ["initdb", "pg_ctl", "psql", "pg_dump"].every((name) => isThere(folder, name)),
    ) ?? null
  );
}

/** Why the tests cannot run here; null = they can. With `RUNBOOK_TEST_REQUIRE=1` (CI) a missing part is a failure. */
export function missingPostgres(extension: "pgtap" | null = null): string | null {
  const programs = postgresPrograms();
  const why =
    programs === null
      ? "PostgreSQL 15 or newer is not installed (Debian package postgresql-15)"
      : extension === null || hasExtension(programs, extension)
        ? null
        : `the extension ${extension} is not installed (Debian package postgresql-15-${extension})`;
  if (why !== null && process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  return why;
}

/** A group of tests that need a server; where there is none it is listed as skipped, and the reason is printed. */
export function describeWithPostgres(name: string, body: () => void, extension: "pgtap" | null = null): void {
  const why = missingPostgres(extension);
  if (why === null) describe(name, body);
  else {
    process.stderr.write(`not run: ${name}: ${why}\n`);
    describe.skip(`${name} (not run: ${why})`, body);
  }
}

function hasExtension(programs: string, name: string): boolean {
  const share = spawnSync(join(programs, "pg_config"), ["--sharedir"], { encoding: "utf8" }).stdout.trim();
  return existsSync(join(share, "extension", `${name}.control`));
}

function isThere(folder: string, name: string): boolean {
  try {
    accessSync(join(folder, name), 1);
    return true;
  } catch {
    return false;
  }
}

export class PostgresRig {
  readonly port: number;
  private readonly dir: string;
  private readonly programs: string;
  private guard: ChildProcess | null = null;

  private constructor(dir: string, programs: string, port: number) {
    this.dir = dir;
    this.programs = programs;
    this.port = port;
  }

  /** Makes and starts a server; `admin` may log in with `adminPassword`, others by the password they get. */
  static async start(): Promise<PostgresRig> {
    const programs = postgresPrograms();
    if (programs === null) throw new Error("there is no PostgreSQL; ask missingPostgres() first");
    const dir = mkdtempSync(join(tmpdir(), "runbook-postgres-"));
    const rig = new PostgresRig(dir, programs, await freePort());
    try {
      mkdirSync(rig.data);
      if (process.getuid?.() === 0) for (const path of [dir, rig.data]) chownSync(path, unprivilegedId, unprivilegedId);
      chmodSync(dir, 0o755);
      const init = await rig.asServer("sh", [
        "-c",
        `printf '%s\\n' "$ADMIN_PASSWORD" > "$1/pw" && exec initdb --pgdata="$1/data" --username=admin --pwfile="$1/pw" --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync`,
        "sh",
        dir,
      ]);
      if (init.code !== 0) throw new Error(`initdb: ${init.stderr}`);
      await rig.startServer();
      rig.watch();
      return rig;
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  get data(): string {
    return join(this.dir, "data");
  }

  /** Target variables that reach it as `admin`. */
  server(database: string, more: object = {}) {
    return { host: "127.0.0.1", port: this.port, user: "admin", database, ...more };
  }

  readonly password = adminPassword;

  /** What commands of a step find in their environment. */
  environment(): Record<string, string> {
    return { PATH: `${this.programs}:${process.env["PATH"] ?? "/usr/bin:/bin"}`, HOME: this.dir };
  }

  /** Ends the server when the tests are killed: then the pipe that this process holds open is closed. */
  private watch(): void {
    const script = 'read -r _; pg_ctl stop --silent --mode=immediate --pgdata="$1/data"; rm -rf -- "$1"';
    const [program, words] = asServerUser("sh", ["-c", script, "sh", this.dir]);
    const options = { env: this.environment(), cwd: "/", detached: true };
    const guard = spawn(program, words, { ...options, stdio: ["pipe", "ignore", "ignore"] });
    guard.unref();
    (guard.stdin as unknown as Socket).unref();
    this.guard = guard;
  }

  async startServer(): Promise<void> {
    const options = `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=20`;
    const started = await this.asServer("pg_ctl", [
      "start",
      "--wait",
      `--pgdata=${this.data}`,
      `--log=${join(this.dir, "log")}`,
      `--options=${options}`,
    ]);
    if (started.code !== 0) throw new Error(`pg_ctl start: ${started.stderr}${this.log()}`);
  }

  /** Ends it at once, as a crash does; `startServer` brings it back. */
  async stopServer(): Promise<void> {
    await this.asServer("pg_ctl", ["stop", "--wait", "--mode=immediate", `--pgdata=${this.data}`]);
  }

  /** Runs SQL as `admin` and gives what psql prints, unaligned; throws when it fails. */
  async sql(text: string, database = "postgres"): Promise<string> {
    const answer = await this.client(
      "psql",
      ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", database],
      text,
    );
    if (answer.code !== 0) throw new Error(answer.stderr);
    return answer.stdout.trim();
  }

  /** A client program as `admin`. */
  async client(
    program: string,
    words: readonly string[],
    stdin = "",
    env: Record<string, string> = {},
  ): Promise<Answer> {
    return await run(join(this.programs, program), words, stdin, {
      ...this.environment(),
      PGHOST: "127.0.0.1",
      PGPORT: String(this.port),
      PGUSER: "admin",
      PGPASSWORD: adminPassword,
      LC_ALL: "C",
      ...env,
    });
  }

  async databases(): Promise<string[]> {
    return (await this.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")).split("\n");
  }

  async end(): Promise<void> {
    const pid = this.pid();
    await this.stopServer();
    const identity = pid === null ? null : identityOf(pid);
    if (identity !== null) await kill9(identity);
    if (this.guard !== null) {
      const ended = once(this.guard, "close");
      this.guard.stdin?.end();
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  private pid(): number | null {
    try {
      return Number(readFileSync(join(this.data, "postmaster.pid"), "utf8").split("\n")[0]);
    } catch {
      return null;
    }
  }

  private log(): string {
    try {
      return readFileSync(join(this.dir, "log"), "utf8");
    } catch {
      return "";
    }
  }

  /** A server program, which must not run as root. */
  private async asServer(program: string, words: readonly string[]): Promise<Answer> {
    const env = { ...this.environment(), LC_ALL: "C", ADMIN_PASSWORD: adminPassword };
    return await run(...asServerUser(program, words), "", env, this.dir);
  }
}

/** The command, as the user who may run a server. */
function asServerUser(program: string, words: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, [...words]];
  const as = [`--reuid=${unprivilegedId}`, `--regid=${unprivilegedId}`, "--clear-groups", "--no-new-privs"];
  return ["setpriv", [...as, program, ...words]];
}

async function run(
  program: string,
  words: readonly string[],
  stdin: string,
  env: Record<string, string>,
  cwd?: string,
): Promise<Answer> {
  return await new Promise((resolve) => {
    const options = { env, maxBuffer: 64 << 20, timeout: 60_000, ...(cwd === undefined ? {} : { cwd }) };
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      const failed = error !== null && child.exitCode === null ? error.message : "";
      resolve({ code: child.exitCode, stdout, stderr: stderr + failed });
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}

/** A loopback port that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
