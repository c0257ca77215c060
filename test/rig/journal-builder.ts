/** Builds journals and whole run directories for tests, with a clock that only moves when it is told to. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Artifact, CheckOutcome, Failure, JournalEvent, JournalRecord, Person } from "../../src/engine/events.ts";
import { foldRun } from "../../src/engine/fold.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";
import type { Effects, Phase } from "../../src/language/runbook.ts";
import { signEnvelope } from "../../src/report/dsse.ts";
import { approvalPayloadType } from "../../src/report/verify-approvals.ts";
import { encodeLine, zeroHash } from "../../src/util/journal-line.ts";
import type { Json, JsonObject } from "../../src/util/json.ts";
import { testKey } from "./test-keys.ts";

type EventOf<T extends JournalEvent["type"]> = Extract<JournalEvent, { type: T }>;

export const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

export interface StepSpec {
  readonly path: string;
  readonly title?: string;
  readonly phase?: Phase;
  readonly stepType?: string;
  readonly effects?: Effects;
}

export interface StepRun {
  readonly argv?: readonly string[];
  readonly env?: readonly string[];
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly ms?: number;
  readonly outputs?: JsonObject;
  readonly checks?: readonly CheckOutcome[];
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly status?: "succeeded" | "failed" | "undone" | "undo_failed" | "timed_out" | "cancelled";
  readonly failure?: Failure;
  readonly note?: string;
  readonly attempt?: number;
}

const approverKey = testKey("approver");

export const operator: Person = {
  name: "operator@example",
  method: "login",
  login: "operator",
  keyId: null,
  groups: ["ops"],
};
export const approver: Person = {
  name: "approver@example",
  method: "signature",
  login: "approver",
  keyId: approverKey.id,
  groups: ["sre-oncall"],
};

export function check(that: string, expected: string, actual: string): CheckOutcome {
  return {
    that,
    status: expected === actual ? "met" : "not_met",
    severity: "error",
    expected,
    actual,
    message: expected === actual ? null : `${that} is ${actual}`,
    show: null,
  };
}

const config = {
  target: { name: "production", protected: true, variables: { app: "shop-web" } },
  policy: { approvers: { "sre-oncall": [{ name: approver.name, key: approverKey.publicText }] } },
};

export class JournalBuilder {
  readonly lines: string[] = [];
  /** Contents of the run directory besides the journal, by relative path. */
  readonly files = new Map<string, string>();
  readonly run: string;
  private hash = zeroHash;
  private atMs = Date.parse("2026-03-14T09:00:00.000Z");
  private steps = new Map<string, StepSpec>();
  private readonly shownDigests = new Map<string, string>();
  private commands = 0;

  /** Id of the key its executors sign with; null = they say nothing of one, as earlier versions did. */
  private readonly signer: string | null;

  constructor(run = "rb-7f3k2m", signer: string | null = null) {
    this.run = run;
    this.signer = signer;
  }

  wait(ms: number): this {
    this.atMs += ms;
    return this;
  }

  get now(): string {
    return new Date(this.atMs).toISOString();
  }

  append(event: JournalEvent): this {
    const { line, hash } = encodeLine({ seq: this.lines.length + 1, at: this.now, run: this.run, ...event }, this.hash);
    this.lines.push(line);
    this.hash = hash;
    return this;
  }

  start(steps: readonly StepSpec[], more: Partial<EventOf<"run.started">> & { yaml?: string } = {}): this {
    const { yaml = "apiVersion: runbook/v1\nname: demo\n", ...fields } = more;
    this.steps = new Map(steps.map((s) => [s.path, s]));
    this.files.set("runbook.yaml", yaml);
    this.files.set("config.json", `${JSON.stringify(config, null, 2)}\n`);
    const started: EventOf<"run.started"> = {
      type: "run.started",
      format: "runbook.journal/1.0",
      tool: "0.1.0",
      runbook: "rollback-production",
      version: "1.0.0",
      title: "Roll production back to the last good release",
      kind: "rollback",
      digest: `sha256:${sha256(yaml)}`,
      planDigest: `sha256:${sha256("plan")}`,
      target: "production",
      protected: true,
      actor: "operator@example",
      reason: "INC-482 checkout down",
      inputs: [{ name: "incident", value: "INC-482", source: "flag", sensitive: false }],
      secrets: ["FLY_API_TOKEN"],
      files: Object.fromEntries([...this.files].map(([name, text]) => [name, `sha256:${sha256(text)}`])),
      source: { file: "runbooks/rollback-production.yaml", commit: "8c1f2aa", dirty: false },
      environment: { host: "ci-1", os: "Linux 6.1", node: "20.20.2", ntp: "synchronised" },
      objectives: [{ name: "rto", targetMs: 300_000 }],
      budgetMs: 120_000,
      steps: steps.map((s) => ({
        path: s.path,
        id: s.path.split(".").at(-1) ?? s.path,
        title: s.title ?? `Title of ${s.path}`,
        phase: s.phase ?? "steps",
        stepType: s.stepType ?? "run",
        effects: s.effects ?? "read",
        note: null,
      })),
      ...fields,
    };
    this.append(started);
    return this.executor(false);
  }

  executor(resumed: boolean): this {
    return this.append({
      type: "executor.started",
      pid: 4242,
      startTime: 100,
      bootId: "5e0f1d2c",
      host: "ci-1",
      uptimeMs: 1000,
      node: "20.20.2",
      tool: "0.1.0",
      resumed,
      ...(this.signer === null ? {} : { signer: this.signer }),
    });
  }

  /** A step from its start to its end, with one command when there is an `argv`. */
  step(path: string, run: StepRun = {}): this {
    this.begin(path, run);
    const ms = run.ms ?? 1200;
    if (run.argv) this.command(path, run, ms);
    else this.wait(ms);
    const status = run.status ?? (run.failure ? "failed" : "succeeded");
    return this.append({
      type: "step.finished",
      step: path,
      status,
      attempt: run.attempt ?? 1,
      durationMs: ms,
      outputs: run.outputs ?? {},
      checks: run.checks ?? [],
      artifacts: Object.entries(run.artifacts ?? {}).map(([name, text]) => this.artifact(path, name, text)),
      failure: run.failure ?? null,
      result: null as Json,
      note: run.note ?? null,
    });
  }

  /** The end of a group or of a question to a person. */
  end(path: string, failure: Failure | null = null, durationMs = 12_420): this {
    return this.append({
      type: "step.finished",
      step: path,
      status: failure ? "failed" : "succeeded",
      attempt: 1,
      durationMs,
      outputs: {},
      checks: [],
      artifacts: [],
      failure,
      result: null,
      note: null,
    });
  }

  begin(path: string, run: StepRun = {}): this {
    const spec = this.steps.get(path) ?? { path };
    return this.append({
      type: "step.started",
      step: path,
      title: spec.title ?? `Title of ${path}`,
      attempt: run.attempt ?? 1,
      phase: spec.phase ?? (path.includes(".rollback.") ? "rollback" : "steps"),
      stepType: spec.stepType ?? "run",
      effects: spec.effects ?? "read",
      action: (run.argv ?? ["(nothing)"]).join(" "),
      definition: `sha256:${sha256(path)}`,
    });
  }

  private command(path: string, run: StepRun, ms: number): void {
    const id = `c${++this.commands}`;
    const attempt = run.attempt ?? 1;
    this.append({
      type: "command.started",
      step: path,
      attempt,
      command: id,
      argv: run.argv ?? [],
      cwd: "/srv/project",
      env: run.env ?? ["PATH"],
      effects: this.steps.get(path)?.effects ?? "read",
      timeoutMs: 60_000,
    });
    this.wait(ms);
    const stream = (name: "stdout" | "stderr") => {
      const text = run[name] ?? "";
      const file = `logs/${path}.${attempt}.${id}.${name}.log`;
      if (text !== "") this.files.set(file, text);
      return { file: text === "" ? "" : file, bytes: Buffer.byteLength(text), sha256: sha256(text), droppedBytes: 0 };
    };
    this.append({
      type: "command.finished",
      step: path,
      attempt,
      command: id,
      exitCode: run.exitCode ?? 0,
      signal: null,
      cause: "exit",
      durationMs: ms,
      drained: true,
      survivors: [],
      outputGap: "none",
      adopted: false,
      output: {
        stdout: stream("stdout"),
        stderr: stream("stderr"),
        excerpt: { stdout: run.stdout ?? "", stderr: run.stderr ?? "" },
      },
    });
  }

  private shown(path: string, text: string): string {
    const digest = `sha256:${sha256(text)}`;
    this.shownDigests.set(path, digest);
    return digest;
  }

  private artifact(path: string, name: string, text: string): Artifact {
    const file = `artifacts/${path}/${name}`;
    this.files.set(file, text);
    return { name, path: file, bytes: Buffer.byteLength(text), sha256: sha256(text) };
  }

  private signature(path: string, decision: string): string {
    const shownDigest = this.shownDigests.get(path) ?? "";
    const payload = {
      format: "runbook.approval/1.0",
      run: this.run,
      step: path,
      decision,
      shownDigest,
      nonce: "bm9uY2U",
    };
    return JSON.stringify(signEnvelope(approvalPayloadType, Buffer.from(JSON.stringify(payload)), approverKey));
  }

  ask(path: string, more: Partial<EventOf<"approval.requested">> = {}): this {
    const shown = more.shown ?? "Roll shop-web back from v42 to v41?\n\nIf you approve, these run next:\n  deploy";
    return this.append({
      type: "approval.requested",
      step: path,
      kind: "approval",
      title: "Approve the rollback",
      prompt: "Roll shop-web back from v42 to v41?",
      from: ["sre-oncall"],
      min: 1,
      selfApproval: false,
      expiresAt: new Date(this.atMs + 600_000).toISOString(),
      shown,
      shownDigest: this.shown(path, shown),
      nonce: "bm9uY2U",
      bound: [],
      evidence: "none",
      ...more,
    });
  }

  answer(
    path: string,
    decision: "approved" | "rejected" | "expired" | "refused",
    by: Person | null,
    reason = "",
  ): this {
    return this.append({
      type: "approval.decided",
      step: path,
      decision,
      by,
      reason: reason === "" ? null : reason,
      shownDigest: this.shownDigests.get(path) ?? "",
      signature: by?.method === "signature" ? this.signature(path, decision) : null,
      attachments: [],
    });
  }

  finish(
    result: EventOf<"run.finished">["result"],
    exitCode: number,
    more: Partial<EventOf<"run.finished">> = {},
  ): this {
    const durationMs = this.atMs - Date.parse("2026-03-14T09:00:00.000Z");
    return this.append({
      type: "run.finished",
      result,
      exitCode,
      exitName: { 0: "ok", 1: "failed", 4: "refused", 6: "rolled_back", 7: "rollback_failed" }[exitCode] ?? "failed",
      durationMs,
      workingMs: durationMs,
      waitingMs: 0,
      objectives: [],
      budget: null,
      summary: "",
      ...more,
    });
  }

  seal(): this {
    return this.append({ type: "run.sealed", records: this.lines.length + 1, headHash: this.hash });
  }

  get journal(): Buffer {
    return Buffer.from(this.lines.join(""));
  }

  get headHash(): string {
    return this.hash;
  }

  get records(): JournalRecord[] {
    return this.lines.map((line) => JSON.parse(line) as JournalRecord);
  }

  fold(): RunRecord {
    return foldRun(this.records);
  }

  /** Writes the journal and the files it names; not the report. */
  write(dir: string): void {
    for (const [name, content] of [...this.files, ["journal.ndjson", this.journal.toString("utf8")] as const]) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), content, { mode: 0o600 });
    }
  }
}
