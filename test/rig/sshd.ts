/**
 * A real OpenSSH server on a free loopback port with keys of its own, for the account that runs the tests. As root sshd
 * wants its empty folder for privilege separation, which Debian's service makes; it stays, for another server may use it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { identityOf } from "../../src/host/supervisor/process-identity.ts";
import { freePort } from "./postgres.ts";
import { kill9, processesOf } from "./processes.ts";
import { until } from "./until.ts";

const server = "/usr/sbin/sshd";
/** Compiled into Debian's sshd. */
const separationDir = "/run/sshd";

/** Why the tests cannot run here; null = they can. With `RUNBOOK_TEST_REQUIRE=1` (CI) a missing part is a failure. */
export function missingSshd(): string | null {
  const missing = [server, "/usr/bin/ssh", "/usr/bin/ssh-keygen"].find((file) => !isExecutable(file));
  const why =
    missing !== undefined
      ? `${missing} is not there (Debian packages openssh-server and openssh-client)`
      : /(?:nologin|false)$/.test(userInfo().shell ?? "")
        ? `the account ${userInfo().username} has no login shell`
        : null;
  if (why !== null && process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  return why;
}

/** A group of tests that need a server; where there is none it is listed as skipped, and the reason is printed. */
export function describeWithSshd(name: string, body: () => void): void {
  const why = missingSshd();
  if (why === null) describe(name, body);
  else {
    process.stderr.write(`not run: ${name}: ${why}\n`);
    describe.skip(`${name} (not run: ${why})`, body);
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, 1);
    return true;
  } catch {
    return false;
  }
}

export class SshdRig {
  readonly port: number;
  readonly user = userInfo().username;
  /** Folder of its keys; only this rig's processes know it. */
  readonly dir: string;
  private child: ChildProcess | null = null;
  private log = "";

  private constructor(dir: string, port: number) {
    this.dir = dir;
    this.port = port;
  }

  static async start(): Promise<SshdRig> {
    const rig = new SshdRig(mkdtempSync(join(tmpdir(), "runbook-sshd-")), await freePort());
    for (const name of ["host", "other-host", "user", "stranger"]) rig.newKey(name);
    writeFileSync(join(rig.dir, "authorized_keys"), readFileSync(join(rig.dir, "user.pub")));
    writeFileSync(
      join(rig.dir, "sshd_config"),
      [
        `Port ${rig.port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${rig.dir}/host`,
        `AuthorizedKeysFile ${rig.dir}/authorized_keys`,
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "",
      ].join("\n"),
    );
    await rig.startServer();
    return rig;
  }

  /** Makes a key pair `NAME`, `NAME.pub` and returns the path of the private one. */
  newKey(name: string): string {
    const path = join(this.dir, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path]);
    chmodSync(path, 0o600);
    return path;
  }

  key(name: "user" | "stranger"): string {
    return join(this.dir, name);
  }

  /** A line of known_hosts: the server's own key, or another one in its name. */
  knownHosts(name: "host" | "other-host" = "host"): string {
    return `[127.0.0.1]:${this.port} ${readFileSync(join(this.dir, `${name}.pub`), "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ")}\n`;
  }

  /** What the server said so far. */
  get said(): string {
    return this.log;
  }

  private async startServer(): Promise<void> {
    if (process.getuid?.() === 0) mkdirSync(separationDir, { recursive: true, mode: 0o755 });
    const child = spawn(server, ["-D", "-e", "-f", join(this.dir, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    await until("sshd listens", () => {
      if (child.exitCode !== null) throw new Error(`sshd ended with ${child.exitCode}: ${this.log}`);
      return this.log.includes(`Server listening on 127.0.0.1 port ${this.port}`) || undefined;
    });
  }

  /** Ends every connection at once, as a reboot of that machine does. The listening server stays. */
  async dropSessions(): Promise<void> {
    for (const pid of this.sessions()) {
      const identity = identityOf(pid);
      if (identity !== null) await kill9(identity);
    }
  }

  /** Process ids below the listening server, which are its sessions and what they run. */
  sessions(): number[] {
    const below = (pid: number): number[] => {
      const children = readChildren(pid);
      return children.flatMap((child) => [child, ...below(child)]);
    };
    return this.child?.pid === undefined ? [] : below(this.child.pid);
  }

  async end(): Promise<void> {
    const { child } = this;
    if (child !== null && child.exitCode === null) {
      await this.dropSessions();
      const ended = once(child, "close");
      child.kill("SIGTERM");
      await ended;
    }
    for (const { pid } of processesOf(this.dir)) {
      const identity = identityOf(pid);
      if (identity !== null) await kill9(identity);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function readChildren(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
