/** The part of the view about where and by what a run was executed, and who signs its evidence. */
import { createHash } from "node:crypto";
import type { RunRecord } from "../engine/run-record.ts";
import { isObject, type JsonObject } from "../util/json.ts";
import { between, durationText, jsonText, plural } from "./format.ts";
import type { NamedValue } from "./step-text.ts";

export type EnvironmentRow = NamedValue & { readonly seq: number };

/** The text of the first input of these names: how a change or an incident is named is the runbook's to say. */
function inputNamed(record: RunRecord, names: readonly string[]): string | null {
  for (const name of names) {
    const input = record.started.inputs.find((item) => item.name === name && !item.sensitive);
    if (typeof input?.value === "string" && input.value !== "") return input.value;
  }
  return null;
}

export const changeRefOf = (record: RunRecord) => inputNamed(record, ["change", "change_ref", "ticket"]);
export const incidentRefOf = (record: RunRecord) => inputNamed(record, ["incident", "incident_ref"]);

/** SHA-256 over the JSON of the inputs as the journal has them: masked. */
export function inputsDigestOf({ started }: RunRecord): string {
  return `sha256:${createHash("sha256").update(JSON.stringify(started.inputs)).digest("hex")}`;
}

/** Id of the key that the last executor was given to sign with; null = it signs nothing. */
export function signingKeyOf(record: RunRecord): string | null {
  return record.executors.at(-1)?.signer ?? null;
}

export interface Pauses {
  /** `no pause`, `2 pauses, 4m 10s in all`. */
  readonly text: string;
  /** Of the executors that went on. */
  readonly seqs: readonly number[];
}

/**
 * Times in which no executor had the run: it waited for people, was stopped, or its executor died. How long is not known
 * when nobody saw its start, or the wall clock was set back meanwhile.
 */
export function pausesOf({ executors }: RunRecord): Pauses {
  const resumed = executors.slice(1);
  const lengths = resumed.map((executor, index) => {
    const stoppedAt = executors[index]?.stoppedAt ?? null;
    const ms = stoppedAt === null ? null : between(stoppedAt, executor.at);
    return ms === null || ms < 0 ? null : ms;
  });
  const known = lengths.filter((ms) => ms !== null);
  const unseen = lengths.length - known.length;
  const parts = [resumed.length === 0 ? "no pause" : plural(resumed.length, "pause")];
  if (known.length > 0) parts.push(`${durationText(known.reduce((sum, ms) => sum + ms, 0))} in all`);
  if (unseen > 0) parts.push(`${unseen} of unknown length`);
  return { text: parts.join(", "), seqs: resumed.map((executor) => executor.seq) };
}

/** `0.1.0` → `runbook 0.1.0`. */
export function toolText(tool: string): string {
  return /^\d/.test(tool) ? `runbook ${tool}` : tool;
}

export function environmentRows(record: RunRecord, config: JsonObject | null): EnvironmentRow[] {
  const startSeq = record.started.seq;
  const rows: EnvironmentRow[] = [
    { name: "Tool", value: toolText(record.started.tool), seq: startSeq },
    ...Object.keys(record.started.environment).map((name) => ({
      name,
      value: jsonText(record.started.environment[name] ?? null),
      seq: startSeq,
    })),
  ];
  for (const executor of record.executors) {
    const how = executor.resumed ? "resumed" : "started";
    rows.push({
      name: `Executor ${how} ${executor.at}`,
      value: `${executor.host}, Node ${executor.node}, ${toolText(executor.tool)}, process ${executor.pid}, boot ${executor.bootId}`,
      seq: executor.seq,
    });
  }
  const digest = record.started.files["config.json"];
  if (digest !== undefined) rows.push({ name: "Config", value: digest, seq: startSeq });
  const target = config?.["target"];
  const variables = isObject(target) ? target["variables"] : null;
  if (isObject(variables)) rows.push({ name: "Target variables", value: JSON.stringify(variables), seq: startSeq });
  return rows;
}
