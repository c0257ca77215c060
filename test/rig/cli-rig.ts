/**
 * One project in a temporary folder and the real command over it: `node bin/runbook.cjs …` with nothing in its
 * environment but what a test gives. Ends everything it started, by the folder only its own processes know.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { readSandbox, type SandboxInfo, stopSandbox } from "../../sandbox/client.ts";
import { removeDatabase } from "../../sandbox/postgres.ts";
import type { JournalRecord } from "../../src/engine/events.ts";
import { foldRun } from "../../src/engine/fold.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";
import { lastExecutor } from "../../src/host/claim.ts";
import { livingSupervisors } from "../../src/host/supervisor/supervisor-file.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { makeFifo } from "./fifo.ts";
import { endProcessesOf, type FoundProcess, kill9, processesOf } from "./processes.ts";
import { until } from "./until.ts";

const root = join(import.meta.dirname, "../..");
/** The command under test; `RUNBOOK_TEST_BIN` names another build of the command, so that two checks of one checkout do not disturb each other. */
export const program = process.env["RUNBOOK_TEST_BIN"] ?? join(root, "bin/runbook.cjs");
/** Root of that build's package. */
export const packageDir = join(dirname(program), "..");
const sandboxProgram = join(packageDir, "dist/sandbox.cjs");

export interface Ran {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Relative to the project. */
  readonly cwd?: string;
  /** Octal; by default that of the tests. */
  readonly umask?: string;
}

export interface ProjectOptions {
  /** A folder of `test/fixtures/projects/`. */
  readonly fixture?: string;
  /** Runbooks of this repository to copy. */
  readonly shipped?: readonly string[];
}

/** A `runbook.run/1.0` document, as far as tests look into it. */
export interface RunDocument {
  readonly format: string;
  readonly run: string;
  readonly result: string;
  readonly exitCode: number;
  readonly exitName: string;
  readonly dir: string;
  readonly report: string | null;
  readonly planDigest: string;
  readonly executor: { readonly pid: number; readonly alive: boolean };
  readonly objectives: readonly { readonly name: string; readonly met: boolean | null }[];
  readonly deviations: readonly {
    readonly kind: string;
    readonly step: string | null;
    readonly reason: string | null;
  }[];
  readonly waitingFor: readonly { readonly step: string; readonly kind: string; readonly next: string }[] | null;
  readonly steps: readonly {
    readonly path: string;
    readonly phase: string;
    readonly status: string;
    readonly attempts: number;
    readonly outputs: Record<string, unknown>;
    readonly checks: readonly {
      readonly that: string;
      readonly status: string;
      readonly expected: string;
      readonly actual: string;
    }[];
    readonly failure: { readonly class: string; readonly reason: string; readonly message: string } | null;
  }[];
}

export class CliRig {
  /** A blank and a quote in the path, because users have them. */
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), "runbook e2e' ")));
  readonly project = join(this.dir, "project");
  readonly stateDir = join(this.dir, "state");
  readonly ledgerFile = join(this.dir, "ledger");
  private readonly gates: number[] = [];

  constructor({ fixture, shipped = [] }: ProjectOptions = {}) {
    for (const name of ["project/runbooks", "tmp", "home", "gates"])
      mkdirSync(join(this.dir, name), { recursive: true });
    if (fixture === undefined)
      this.write("runbook.config.yaml", readFileSync(join(root, "runbook.config.yaml"), "utf8"));
    else cpSync(join(root, "test/fixtures/projects", fixture), this.project, { recursive: true });
    for (const name of shipped) {
      copyFileSync(join(root, "runbooks", `${name}.yaml`), join(this.project, "runbooks", `${name}.yaml`));
    }
  }

  /** Writes a file of the project. */
  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.project, path)), { recursive: true });
    writeFileSync(join(this.project, path), text, { mode });
  }

  /** Writes `runbooks/<name>.yaml`: what every runbook needs, the ledger and the gates in its environment, then `body`. */
  runbook(name: string, body: { readonly steps: readonly object[] } & Readonly<Record<string, unknown>>): void {
    const { inputs = {}, env = {}, ...rest } = body;
    const text = { type: "string", required: true };
    const runbook = {
      apiVersion: "runbook/v1",
      name,
      version: "1.0.0",
      title: `Test ${name}`,
      owner: "team",
      kind: "checklist",
      description: "A test.",
      targets: ["here"],
      inputs: { ledger: text, gates: text, ...(inputs as object) },
      env: { LEDGER: "${{ inputs.ledger }}", GATES: "${{ inputs.gates }}", ...(env as object) },
      ...rest,
    };
    this.write(`runbooks/${name}.yaml`, stringify(runbook, { lineWidth: 0, aliasDuplicateObjects: false }));
  }

  /** What a command of this rig finds in its environment. */
  environment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: join(this.dir, "home"),
      LANG: "C.UTF-8",
      TMPDIR: join(this.dir, "tmp"),
      RUNBOOK_STATE_DIR: this.stateDir,
      RUNBOOK_INPUT_LEDGER: this.ledgerFile,
      RUNBOOK_INPUT_GATES: join(this.dir, "gates"),
      ...env,
    };
  }

  /** Starts `runbook …` in the background. */
  start(args: readonly string[], options: RunOptions = {}): Started {
    const before = new Set(this.runs());
    const { umask } = options;
    const words = [process.execPath, program, ...args];
    const [file = "", ...argv] = umask ? ["/bin/sh", "-c", 'umask "$0"; exec "$@"', umask, ...words] : words;
    const child = spawn(file, argv, {
      cwd: join(this.project, options.cwd ?? "."),
      env: this.environment(options.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new Started(this, child, before);
  }

  /** Runs `runbook …` to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return await this.start(args, options).ended;
  }

  /** Runs `runbook … -o json --no-input` and reads its one document. */
  async json<T = RunDocument>(
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<Ran & { readonly document: T }> {
    const ran = await this.run([...args, "--no-input", "-o", "json"], options);
    if (ran.code === 70) throw new Error(`internal error:\n${ran.stdout}\n${ran.stderr}`);
    return { ...ran, document: documentOf<T>(ran) };
  }

  /** Ids of the runs there are. */
  runs(): string[] {
    const runs = join(this.stateDir, "runs");
    return existsSync(runs) ? readdirSync(runs).filter((name) => name.startsWith("rb-")) : [];
  }

  runDir(run: string): string {
    return join(this.stateDir, "runs", run);
  }

  /** A file of a run directory as text. */
  file(run: string, name: string): string {
    return readFileSync(join(this.runDir(run), name), "utf8");
  }

  /** Complete lines of a run's journal. */
  journal(run: string): JournalRecord[] {
    let text: string;
    try {
      text = this.file(run, "journal.ndjson");
    } catch {
      return [];
    }
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as JournalRecord);
  }

  record(run: string): RunRecord {
    return foldRun(this.journal(run));
  }

  /** Whether a run's evidence is complete and unchanged: what `verify` says, without its process. */
  async problems(run: string): Promise<readonly unknown[]> {
    return (await verifyRun(this.runDir(run))).problems;
  }

  /** The first record that fits, as soon as it is in the journal. */
  async waitForRecord(run: string, what: string, fits: (record: JournalRecord) => boolean): Promise<JournalRecord> {
    return await until(`${run}: ${what}\n${this.trace(run)}`, () => this.journal(run).find(fits));
  }

  /** Lines that steps appended to the ledger: the oracle of what really ran. */
  ledger(): string[] {
    return existsSync(this.ledgerFile) ? readFileSync(this.ledgerFile, "utf8").split("\n").slice(0, -1) : [];
  }

  async waitForLedger(line: string): Promise<void> {
    await until(`the ledger says "${line}"`, () => this.ledger().includes(line));
  }

  clearLedger(): void {
    rmSync(this.ledgerFile, { force: true });
  }

  /** Makes a FIFO at which steps wait (`read -r _ < "$GATES/NAME"`) until `open`. */
  gate(name: string): { open(): void } {
    const path = join(this.dir, "gates", name);
    rmSync(path, { force: true });
    makeFifo(path);
    return {
      open: () => {
        // Read-write, so that opening waits for nobody; it stays open so that the byte is kept until it is read.
        const fd = openSync(path, "r+");
        this.gates.push(fd);
        writeSync(fd, "go\n");
      },
    };
  }

  async killExecutor(run: string): Promise<void> {
    const identity = lastExecutor(this.runDir(run));
    if (identity === null) throw new Error(`${run} has no executor`);
    await kill9(identity);
  }

  async killSupervisors(run: string): Promise<void> {
    for (const identity of livingSupervisors(this.runDir(run))) await kill9(identity);
  }

  get sandbox(): SandboxInfo {
    const info = readSandbox(this.stateDir);
    if (info === null) throw new Error("the sandbox was never started");
    return info;
  }

  /** Runs a verb of `npm run sandbox --`. */
  async sandboxVerb(...args: string[]): Promise<string> {
    const child = spawn(process.execPath, [sandboxProgram, "--state-dir", this.stateDir, ...args], {
      cwd: this.project,
      env: this.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ran = await finished(child);
    if (ran.code !== 0) throw new Error(`sandbox ${args.join(" ")}: ${ran.stderr}`);
    return ran.stdout;
  }

  /** Puts the stand-in of a vendor into one of its states. */
  async setService(name: string, state: string): Promise<void> {
    const { api, secrets } = this.sandbox;
    const answer = await fetch(`${api}/platform/services/${name}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${secrets["FLY_API_TOKEN"]}`, "content-type": "application/json" },
      body: JSON.stringify({ state }),
    });
    if (!answer.ok) throw new Error(`service ${name} ${state}: ${answer.status} ${await answer.text()}`);
  }

  /** `fly … --json` against the sandbox, parsed. */
  async fly<T>(...args: string[]): Promise<T> {
    const child = spawn(this.sandbox.fly, [...args, "--app", "shop", "--json"], {
      cwd: this.project,
      env: this.environment({ FLY_API_TOKEN: this.sandbox.secrets["FLY_API_TOKEN"] ?? "" }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ran = await finished(child);
    if (ran.code !== 0) throw new Error(`fly ${args.join(" ")}: ${ran.stderr}`);
    return JSON.parse(ran.stdout) as T;
  }

  /** What the app says of itself over HTTP, from outside. */
  async version(): Promise<{ readonly status: number; readonly image: string }> {
    const answer = await fetch(`${this.sandbox.url}/version`);
    return { status: answer.status, image: ((await answer.json()) as { image: string }).image };
  }

  /** Living processes of this rig. */
  processes(): FoundProcess[] {
    return processesOf(this.dir);
  }

  /** What happened so far, for the message of a failed wait. */
  trace(run: string): string {
    const log = join(this.runDir(run), "executor.log");
    const lines = this.journal(run).map(
      (record) => `${record.seq} ${record.type} ${"step" in record ? record.step : ""}`,
    );
    return [...lines, existsSync(log) ? readFileSync(log, "utf8") : ""].join("\n");
  }

  async end(): Promise<void> {
    for (const fd of this.gates) closeSync(fd);
    await removeDatabase(this.stateDir);
    await stopSandbox(this.stateDir);
    await endProcessesOf(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A command that runs in the background. */
export class Started {
  readonly ended: Promise<Ran>;
  private readonly rig: CliRig;
  private readonly child: ChildProcess;
  private readonly before: ReadonlySet<string>;
  private found: string | null = null;

  constructor(rig: CliRig, child: ChildProcess, before: ReadonlySet<string>) {
    this.rig = rig;
    this.child = child;
    this.before = before;
    this.ended = finished(child);
  }

  /** The run this command started: the one that was not there before it. */
  async run(): Promise<string> {
    this.found ??= await until("a run directory", () => {
      const run = this.rig.runs().find((name) => !this.before.has(name));
      if (run === undefined && this.child.exitCode !== null) throw new Error("the command ended without a run");
      return run;
    });
    return this.found;
  }

  /** The first record of its run that fits, as soon as it is in the journal. */
  async waitForRecord(what: string, fits: (record: JournalRecord) => boolean): Promise<JournalRecord> {
    return await this.rig.waitForRecord(await this.run(), what, fits);
  }

  /** Waits for a line of the ledger; throws with what was printed when the command ends without it. */
  async waitForLedger(line: string): Promise<void> {
    const ran = await Promise.race([this.rig.waitForLedger(line), this.ended]);
    if (ran !== undefined && !this.rig.ledger().includes(line)) {
      throw new Error(`the command ended with ${ran.code}, and the ledger does not say "${line}":\n${ran.stderr}`);
    }
  }

  /** Waits until a step began. */
  async waitForStep(path: string): Promise<void> {
    await this.waitForRecord(`${path} begins`, (record) => record.type === "step.started" && record.step === path);
  }

  async kill9Executor(): Promise<void> {
    await this.rig.killExecutor(await this.run());
  }

  async kill9Viewer(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** One press of Ctrl-C (or a SIGTERM), seen by the run. */
  signal(name: "SIGINT" | "SIGTERM"): void {
    this.child.kill(name);
  }
}

/** The one document on stdout; throws with everything printed when it is not exactly one. */
export function documentOf<T = RunDocument>(ran: Ran): T {
  try {
    return JSON.parse(ran.stdout) as T;
  } catch {
    throw new Error(`not one JSON document (exit ${ran.code}):\n${ran.stdout}\n${ran.stderr}`);
  }
}

/** What a process printed and how it ended. */
export async function finished(child: ChildProcess): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}
