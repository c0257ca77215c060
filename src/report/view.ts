/**
 * The report as plain data: a function of the run record and the runbook's text. It reads no clock, no file and no
 * network, so the same record gives the same view; templates only place what stands here. Every figure is accompanied
 * by the number of the journal record (`seq`, `seqs`) that says so. Text is raw: whoever places it makes it inert.
 */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import type { JsonObject } from "../util/json.ts";
import { isObject } from "../util/json.ts";
import { clockText, durationText, jsonText, plural } from "./format.ts";
import { isGroup, stepsInOrder } from "./step-order.ts";
import { type Bar, maxBars, mermaidGantt, timelineBars, timelineLimits } from "./timeline.ts";
import { isFailed, verdictOf } from "./verdict.ts";
import {
  type DeviationRow,
  deviationRows,
  type QuestionDetail,
  questions,
  type SignOffRow,
  signOffRows,
} from "./view-people.ts";
import { type PlannedFacts, plannedFacts } from "./view-planned.ts";
import {
  type ArtifactRow,
  artifactRows,
  type ChangeRow,
  changeRows,
  type NamedValue,
  type StepDetail,
  type StepRow,
  seqOf,
  stepDetails,
  stepRows,
} from "./view-steps.ts";

/** What a report shows besides the journal: files sealed with the run. */
export interface ReportSources {
  readonly runbookYaml: string;
  /** `config.json` of the run directory, or null when there is none. */
  readonly config: JsonObject | null;
}

export interface ReportView {
  readonly format: "runbook.report/1.0";
  /** The first line: title, verdict, and what a failure left behind. */
  readonly heading: string;
  readonly verdict: { readonly word: string; readonly detail: string; readonly state: string };
  readonly failed: null | {
    readonly path: string;
    readonly anchor: string | null;
    readonly message: string;
    readonly seqs: readonly number[];
  };
  readonly runbook: {
    readonly name: string;
    readonly version: string;
    readonly title: string;
    readonly kind: string;
    /** Null in journals that older versions began; so is the description. */
    readonly owner: string | null;
    readonly description: string | null;
    readonly digest: string;
    readonly planDigest: string;
    readonly file: string;
    readonly commit: string | null;
    readonly tree: string;
  };
  readonly run: {
    readonly id: string;
    readonly target: string;
    readonly isProtected: boolean;
    readonly actor: string;
    readonly reason: string | null;
    readonly startedAt: string;
    /** Null while it has no verdict. */
    readonly finishedAt: string | null;
    readonly lastAt: string;
    readonly took: string | null;
    readonly working: string | null;
    readonly waiting: string | null;
    readonly startSeq: number;
    readonly finishSeq: number | null;
    readonly lastSeq: number;
  };
  readonly planned: PlannedFacts;
  readonly result: {
    readonly name: string;
    readonly exitCode: number | null;
    readonly exitName: string | null;
    readonly counts: string;
    readonly summary: string | null;
  };
  readonly evidence: {
    readonly records: number;
    readonly headHash: string;
    readonly isSealed: boolean;
    readonly files: number;
    readonly tool: string;
  };
  readonly deviations: readonly DeviationRow[];
  readonly deviationsText: string;
  readonly objectives: readonly {
    readonly name: string;
    readonly target: string;
    readonly actual: string;
    readonly margin: string;
    readonly met: string;
    readonly measured: string;
    readonly seq: number | null;
  }[];
  readonly timeline: {
    readonly mermaid: string;
    readonly bars: readonly (Omit<Bar, "from" | "to"> & { from: string; to: string; took: string })[];
    readonly leftOut: number;
    /** When an objective would have been missed. */
    readonly limits: readonly {
      readonly name: string;
      readonly at: string;
      readonly fromMs: number;
      readonly seq: number | null;
    }[];
    /** For charts that draw themselves: milliseconds since the first bar's start. */
    readonly spanMs: number;
    readonly offsets: readonly { readonly fromMs: number; readonly tookMs: number }[];
  };
  readonly steps: readonly StepRow[];
  readonly details: readonly StepDetail[];
  readonly questions: readonly QuestionDetail[];
  readonly changes: readonly ChangeRow[];
  readonly undo: null | { readonly why: string; readonly steps: readonly string[]; readonly result: string };
  readonly artifacts: readonly ArtifactRow[];
  readonly environment: readonly (NamedValue & { readonly seq: number })[];
  readonly inputs: readonly {
    readonly name: string;
    readonly value: string;
    readonly source: string;
  }[];
  readonly secrets: readonly string[];
  /** What the search for them before the verdict found, as a sentence; null = there was none. */
  readonly scan: string | null;
  readonly scanSeq: number | null;
  readonly signOff: readonly SignOffRow[];
  readonly files: readonly { readonly path: string; readonly digest: string }[];
  readonly runbookYaml: string;
}

export function reportView(record: RunRecord, sources: ReportSources): ReportView {
  const { started, finished } = record;
  const steps = stepsInOrder(record);
  const verdict = verdictOf(record);
  const rows = stepRows(record, steps);
  const artifacts = artifactRows(steps);
  const dirty = started.source.dirty;
  return {
    format: "runbook.report/1.0",
    heading: `${started.title}: ${verdict.word}${verdict.detail === "" ? "" : `, ${verdict.detail}`}`,
    verdict: { word: verdict.word, detail: verdict.detail, state: verdict.state },
    failed: verdict.failed && {
      path: verdict.failed.path,
      anchor: rows[steps.indexOf(verdict.failed)]?.anchor ?? null,
      message: failureText(verdict.failed),
      seqs: verdict.failed.seqs.slice(-1),
    },
    runbook: {
      name: started.runbook,
      version: started.version,
      title: started.title,
      kind: started.kind,
      owner: started.keeping?.owner ?? null,
      description: started.keeping?.description.trim() ?? null,
      digest: started.digest,
      planDigest: started.planDigest,
      file: started.source.file,
      commit: started.source.commit,
      tree: dirty === null ? "not in a repository" : dirty ? "uncommitted changes" : "clean tree",
    },
    run: {
      id: record.run,
      target: started.target,
      isProtected: started.protected,
      actor: started.actor,
      reason: started.reason,
      startedAt: started.at,
      finishedAt: finished?.at ?? null,
      lastAt: record.lastAt,
      took: finished && durationText(finished.durationMs),
      working: finished && durationText(finished.workingMs),
      waiting: finished && durationText(finished.waitingMs),
      startSeq: seqOf(started) ?? 1,
      finishSeq: finished?.seq ?? null,
      lastSeq: record.lastSeq,
    },
    planned: plannedFacts(record),
    result: {
      name: record.result,
      exitCode: finished?.exitCode ?? null,
      exitName: finished?.exitName ?? null,
      counts: countsText(steps),
      summary: finished === null || finished.summary === "" ? null : finished.summary,
    },
    evidence: {
      records: record.lastSeq,
      headHash: `sha256:${record.headHash}`,
      isSealed: record.sealed !== null,
      files: namedFiles(record, steps, artifacts),
      tool: toolText(started.tool),
    },
    deviations: deviationRows(record),
    deviationsText: deviationsText(record),
    objectives: objectives(record),
    timeline: timeline(record, steps),
    steps: rows,
    details: stepDetails(steps),
    questions: questions(steps),
    changes: changeRows(steps),
    undo: record.rollback && {
      why: record.rollback.why,
      steps: record.rollback.steps,
      result: record.rollback.ok === null ? "not finished" : record.rollback.ok ? "complete" : "failed",
    },
    artifacts,
    environment: environment(record, sources),
    inputs: started.inputs.map((input) => ({
      name: input.name,
      value: input.sensitive ? "sensitive, not stored" : jsonText(input.value),
      source: input.source,
    })),
    secrets: started.secrets,
    scan: scanText(record),
    scanSeq: record.scan?.seq ?? null,
    signOff: signOffRows(record, steps),
    files: Object.keys(started.files)
      .sort()
      .map((path) => ({ path, digest: started.files[path] ?? "" })),
    runbookYaml: sources.runbookYaml,
  };
}

function scanText({ scan }: RunRecord): string | null {
  if (scan === null) return null;
  const searched = `Before the verdict ${plural(scan.files, "file")} of this directory (${scan.bytes} bytes) were searched for them`;
  if (scan.problem !== null) return `${searched}, not to the end: ${scan.problem}`;
  if (scan.leaks.length === 0) return `${searched}: nothing was found`;
  return `${searched}: ${scan.leaks.map((leak) => `${leak.file} holds ${leak.secret}`).join(", ")}`;
}

function failureText(step: StepRecord): string {
  if (step.failure !== null) return step.failure.message;
  const unmet = step.checks.find((c) => c.status !== "met");
  if (unmet) return unmet.message ?? `not met: ${unmet.that}`;
  return step.why ?? step.approval?.state ?? step.status.replace("_", " ");
}

function countsText(steps: readonly StepRecord[]): string {
  const count = (phases: readonly string[], test: (step: StepRecord) => boolean) =>
    steps.filter((s) => !isGroup(s, steps) && phases.includes(s.phase) && test(s)).length;
  const work = ["guards", "steps"];
  const parts = [
    `${plural(
      count(work, (s) => s.status === "succeeded"),
      "step",
    )} ok`,
    `${count(work, isFailed)} failed`,
    `${count(work, (s) => s.status === "skipped")} skipped`,
  ];
  const add = (number: number, noun: string) => {
    if (number > 0) parts.push(`${number} ${noun}`);
  };
  add(
    count(work, (s) => s.status === "undone"),
    "undone",
  );
  add(
    count(work, (s) => s.status === "indeterminate"),
    "of unknown outcome",
  );
  add(
    count(work, (s) => s.status === "waiting"),
    "waiting",
  );
  add(
    count([...work, "always"], (s) => s.status === "pending"),
    "not reached",
  );
  const cleanup = count(["always"], (s) => s.status !== "skipped" && s.status !== "pending");
  if (cleanup > 0) parts.push(`${count(["always"], (s) => s.status === "succeeded")} of ${cleanup} cleanup ok`);
  const undo = count(["rollback"], (s) => s.status !== "skipped");
  if (undo > 0) parts.push(`${count(["rollback"], (s) => s.status === "succeeded")} of ${undo} undo ok`);
  return parts.join(", ");
}

/** `0.1.0` → `runbook 0.1.0`. */
function toolText(tool: string): string {
  return /^\d/.test(tool) ? `runbook ${tool}` : tool;
}

/** Page one names what was overridden, skipped or interrupted; who, when and why is in the section. */
function deviationsText(record: RunRecord): string {
  const { deviations } = record;
  if (deviations.length === 0) return "none";
  const named = deviations.map((d) => `${d.kind.replaceAll("-", " ")}${d.step === null ? "" : ` of ${d.step}`}`);
  const kinds = [...new Set(named)];
  const shown = kinds.slice(0, 5).join(", ");
  return `${plural(deviations.length, "deviation")}: ${shown}${kinds.length > 5 ? `, and ${kinds.length - 5} more` : ""}`;
}

/** Files the journal names with their digests: sealed copies, output logs, artifacts. */
function namedFiles(record: RunRecord, steps: readonly StepRecord[], artifacts: readonly ArtifactRow[]): number {
  const files = new Set([...Object.keys(record.started.files), ...artifacts.map((a) => a.path)]);
  for (const step of steps) {
    for (const command of step.commands) {
      for (const stream of [command.end?.output.stdout, command.end?.output.stderr]) {
        if (stream && stream.file !== "") files.add(stream.file);
      }
    }
  }
  return files.size;
}

function objectives(record: RunRecord): ReportView["objectives"] {
  const finished = record.finished;
  if (finished === null) {
    return record.started.objectives.map((o) => ({
      name: o.name.toUpperCase(),
      target: durationText(o.targetMs),
      actual: "not measured",
      margin: "",
      met: "no verdict yet",
      measured: "",
      seq: seqOf(record.started),
    }));
  }
  const rows = finished.objectives.map((o) => ({
    name: o.name.toUpperCase(),
    target: durationText(o.targetMs),
    actual: o.actualMs === null ? "not measured" : durationText(o.actualMs),
    margin: o.actualMs === null ? "" : durationText(o.targetMs - o.actualMs),
    met: o.met === null ? "not measured" : o.met ? "met" : "MISSED",
    measured: o.measured,
    seq: finished.seq,
  }));
  const budget = finished.budget;
  if (budget !== null) {
    rows.push({
      name: "Budget",
      target: durationText(budget.targetMs),
      actual: durationText(budget.actualMs),
      margin: durationText(budget.targetMs - budget.actualMs),
      met: budget.met ? "met" : "EXCEEDED",
      measured: "working time, without waiting for people",
      seq: finished.seq,
    });
  }
  return rows;
}

function timeline(record: RunRecord, steps: readonly StepRecord[]): ReportView["timeline"] {
  const all = timelineBars(record, steps);
  const bars = all.slice(0, maxBars);
  const day = record.started.at.slice(0, 10);
  const zero = Math.min(...bars.map((bar) => Date.parse(bar.from)));
  const limits = bars.length === 0 ? [] : timelineLimits(record);
  const offsets = bars.map((bar) => ({ fromMs: Date.parse(bar.from) - zero, tookMs: bar.tookMs }));
  return {
    mermaid: mermaidGantt(`${record.started.runbook} ${record.run} (UTC)`, bars, limits),
    limits: limits.map((limit) => ({
      name: limit.name,
      at: clockText(limit.at, day),
      fromMs: Date.parse(limit.at) - zero,
      seq: record.finished?.seq ?? seqOf(record.started),
    })),
    bars: bars.map((bar) => ({
      ...bar,
      from: clockText(bar.from, day),
      to: bar.ended ? clockText(bar.to, day) : "not ended",
      took: durationText(bar.tookMs),
      status: bar.status.replace("_", " "),
    })),
    leftOut: all.length - bars.length,
    spanMs: Math.max(1, ...offsets.map((o) => o.fromMs + o.tookMs)),
    offsets,
  };
}

function environment(record: RunRecord, sources: ReportSources): ReportView["environment"] {
  const startSeq = seqOf(record.started) ?? 1;
  const rows: { name: string; value: string; seq: number }[] = [
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
  const target = sources.config?.["target"];
  const variables = isObject(target) ? target["variables"] : null;
  if (isObject(variables)) rows.push({ name: "Target variables", value: JSON.stringify(variables), seq: startSeq });
  return rows;
}
