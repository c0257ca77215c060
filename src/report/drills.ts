/**
 * The register of drills: `drills.ndjson` beside the project file, tracked with the runbooks, one line per finished run
 * of a runbook that says `drill:`. It lets a clean checkout know when each procedure was last proven; the evidence
 * itself stays in the run directory that `headHash` names.
 */
import type { RunResult } from "../engine/events.ts";
import type { RunRecord } from "../engine/run-record.ts";
import { isObject } from "../util/json.ts";
import { signPayload, verifyPayload } from "./dsse.ts";
import type { Signer } from "./evidence.ts";
import { KeyError, type PrivateKey, parsePublicKey } from "./keys.ts";
import type { SignatureState } from "./verify-evidence.ts";

export const drillsFile = "drills.ndjson";
const drillPayloadType = "application/vnd.runbook.drill+json";

export interface DrillObjective {
  readonly name: string;
  readonly targetMs: number;
  readonly actualMs: number | null;
  readonly met: boolean | null;
}

export interface DrillEntry {
  readonly format: "runbook.drill/1.0";
  readonly run: string;
  readonly runbook: string;
  readonly version: string;
  /** `sha256:…` of the runbook's bytes. */
  readonly digest: string;
  readonly target: string;
  readonly result: RunResult;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly objectives: readonly DrillObjective[];
  readonly deviations: number;
  /** The last output called `image`; null = there was none. */
  readonly image: string | null;
  /** `sha256:…` of the sealed journal's last record: `verify --head`. */
  readonly headHash: string;
  readonly signer: Signer | null;
  /** Base64, Ed25519 over DSSE's encoding of the line's JSON without this member. */
  readonly signature: string | null;
}

/** The line of a finished run, newline included. Throws when it has no verdict. */
export function drillLine(record: RunRecord, key: PrivateKey | null): string {
  const { started, finished } = record;
  if (finished === null) throw new Error(`${record.run} has no verdict`);
  const unsigned: Omit<DrillEntry, "signature"> = {
    format: "runbook.drill/1.0",
    run: record.run,
    runbook: started.runbook,
    version: started.version,
    digest: started.digest,
    target: started.target,
    result: record.result,
    startedAt: started.at,
    finishedAt: finished.at,
    objectives: finished.objectives.map(({ name, targetMs, actualMs, met }) => ({ name, targetMs, actualMs, met })),
    deviations: record.deviations.length,
    image: imageOf(record),
    headHash: `sha256:${record.headHash}`,
    signer: key === null ? null : { keyId: key.id, publicKey: key.publicText },
  };
  const signature = key === null ? null : signPayload(drillPayloadType, payloadOf(unsigned), key);
  return `${JSON.stringify({ ...unsigned, signature })}\n`;
}

function payloadOf(unsigned: object): Buffer {
  return Buffer.from(JSON.stringify(unsigned));
}

function imageOf(record: RunRecord): string | null {
  let image: string | null = null;
  for (const step of record.steps.values()) {
    const value = step.outputs["image"];
    if (step.status === "succeeded" && typeof value === "string") image = value;
  }
  return image;
}

export interface DrillRegister {
  /** By finish time, oldest first; a run that is written twice (a merge) counts once. */
  readonly entries: readonly DrillEntry[];
  /** Numbers of lines that are no entry: a merge conflict, a cut-off line. */
  readonly badLines: readonly number[];
}

/** Never throws: a register is edited by merges, and one bad line must not hide the others. */
export function parseDrills(text: string): DrillRegister {
  const entries = new Map<string, DrillEntry>();
  const badLines: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const entry = entryOf(line);
    if (entry === null) badLines.push(index + 1);
    else entries.set(`${entry.run} ${entry.headHash}`, entry);
  }
  const sorted = [...entries.values()].sort(
    (a, b) => compare(a.finishedAt, b.finishedAt) || compare(a.run, b.run) || compare(a.headHash, b.headHash),
  );
  return { entries: sorted, badLines };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const texts = ["run", "runbook", "version", "digest", "target", "result", "startedAt", "finishedAt", "headHash"];

function entryOf(line: string): DrillEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isObject(value) || value["format"] !== "runbook.drill/1.0") return null;
  if (!texts.every((name) => typeof value[name] === "string") || !Array.isArray(value["objectives"])) return null;
  return Number.isFinite(Date.parse(String(value["finishedAt"]))) ? (value as unknown as DrillEntry) : null;
}

/** Whether a line's signature is right, and by one of `keys` (texts of public key files). */
export function drillSignature(entry: DrillEntry, keys: readonly string[] = []): SignatureState {
  const { signature, ...unsigned } = entry;
  if (signature === null || entry.signer === null) return "absent";
  try {
    const key = parsePublicKey(entry.signer.publicKey);
    if (!verifyPayload(drillPayloadType, payloadOf(unsigned), signature, key)) return "invalid";
    return keys.some((text) => parsePublicKey(text).id === key.id) ? "valid" : "untrusted";
  } catch (error) {
    if (error instanceof KeyError) return "invalid";
    throw error;
  }
}

/** What a drill runbook asks for. */
export interface DrillNeed {
  readonly runbook: string;
  readonly everyMs: number;
  /** A success on any of them proves the drill. */
  readonly targets: readonly string[];
}

export interface DrillState {
  readonly runbook: string;
  readonly everyMs: number;
  readonly lastRun: string | null;
  readonly lastResult: RunResult | null;
  /** When it was last proven: the end of its last success. */
  readonly lastSuccessAt: string | null;
  /** Null = never proven: due now. */
  readonly dueAt: string | null;
  readonly overdue: boolean;
  /** Whole days since it was last proven; null = never. */
  readonly daysSince: number | null;
}

const dayMs = 86_400_000;

/** State of every drill at `nowMs`, milliseconds since the epoch, from register entries and runs folded to such. */
export function drillStates(
  needs: readonly DrillNeed[],
  entries: readonly Pick<DrillEntry, "run" | "runbook" | "target" | "result" | "finishedAt">[],
  nowMs: number,
): DrillState[] {
  return needs.map(({ runbook, everyMs, targets }) => {
    const own = entries
      .filter((entry) => entry.runbook === runbook && targets.includes(entry.target))
      .sort((a, b) => compare(a.finishedAt, b.finishedAt));
    const last = own.at(-1) ?? null;
    const proven = own.filter((entry) => entry.result === "succeeded").at(-1) ?? null;
    const provenMs = proven === null ? null : Date.parse(proven.finishedAt);
    const dueMs = provenMs === null ? null : provenMs + everyMs;
    return {
      runbook,
      everyMs,
      lastRun: last?.run ?? null,
      lastResult: last?.result ?? null,
      lastSuccessAt: proven?.finishedAt ?? null,
      dueAt: dueMs === null ? null : new Date(dueMs).toISOString(),
      overdue: dueMs === null || dueMs < nowMs,
      daysSince: provenMs === null ? null : Math.max(0, Math.floor((nowMs - provenMs) / dayMs)),
    };
  });
}
