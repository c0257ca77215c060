/**
 * The report as plain data: a function of the run record and the runbook's text. It reads no clock, no file and no
 * network, so the same record gives the same view; templates only place what stands here. Every figure is accompanied
 * by the number of the journal record (`seq`, `seqs`) that says so. Text is raw: whoever places it makes it inert.
 */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import type { JsonObject } from "../util/json.ts";
import { durationText, jsonText } from "./format.ts";
import { stepsInOrder } from "./step-order.ts";
import { verdictOf } from "./verdict.ts";
import { countsText, deviationsText, namedFiles, scanText } from "./view-counts.ts";
import {
  changeRefOf,
  type EnvironmentRow,
  environmentRows,
  incidentRefOf,
  inputsDigestOf,
  type Pauses,
  pausesOf,
  signingKeyOf,
  toolText,
} from "./view-environment.ts";
import {
  type ArtifactRow,
  artifactRows,
  type BackupRow,
  backupRows,
  type ChangeRow,
  changeRows,
} from "./view-outcome.ts";
import {
  type DeviationRow,
  deviationRows,
  type ParticipantRow,
  participants,
  type QuestionDetail,
  questions,
  type SignOffRow,
  signOffRows,
} from "./view-people.ts";
import { type PlannedFacts, plannedFacts } from "./view-planned.ts";
import { anchorOf, type StepDetail, type StepRow, stepLists } from "./view-steps.ts";
import { type ObjectiveRow, objectiveRows, type TimelineView, timelineView } from "./view-times.ts";

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
    /** What inputs of these names say. */
    readonly changeRef: string | null;
    readonly incidentRef: string | null;
    readonly startedAt: string;
    /** Null while it has no verdict. */
    readonly finishedAt: string | null;
    readonly lastAt: string;
    readonly took: string | null;
    readonly working: string | null;
    readonly waiting: string | null;
    readonly pauses: Pauses;
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
    /** Id of the key that signs it; null = nobody signs. */
    readonly signer: string | null;
  };
  readonly deviations: readonly DeviationRow[];
  readonly deviationsText: string;
  readonly objectives: readonly ObjectiveRow[];
  readonly timeline: TimelineView;
  /** One item a step, made while they are gone through: the lists of a long run are never there as a whole. */
  readonly steps: Iterable<StepRow>;
  readonly details: Iterable<StepDetail>;
  readonly questions: readonly QuestionDetail[];
  readonly participants: readonly ParticipantRow[];
  readonly changes: readonly ChangeRow[];
  readonly undo: null | { readonly why: string; readonly steps: readonly string[]; readonly result: string };
  readonly artifacts: readonly ArtifactRow[];
  readonly backups: readonly BackupRow[];
  readonly environment: readonly EnvironmentRow[];
  readonly inputs: readonly {
    readonly name: string;
    readonly value: string;
    readonly source: string;
  }[];
  readonly inputsDigest: string;
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
  const verdict = verdictOf(record, steps);
  const lists = stepLists(record, steps);
  const artifacts = artifactRows(steps);
  const dirty = started.source.dirty;
  return {
    format: "runbook.report/1.0",
    heading: `${started.title}: ${verdict.word}${verdict.detail === "" ? "" : `, ${verdict.detail}`}`,
    verdict: { word: verdict.word, detail: verdict.detail, state: verdict.state },
    failed: verdict.failed && {
      path: verdict.failed.path,
      anchor: anchorOf(verdict.failed, steps.indexOf(verdict.failed) + 1),
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
      changeRef: changeRefOf(record),
      incidentRef: incidentRefOf(record),
      startedAt: started.at,
      finishedAt: finished?.at ?? null,
      lastAt: record.lastAt,
      took: finished && durationText(finished.durationMs),
      working: finished && durationText(finished.workingMs),
      waiting: finished && durationText(finished.waitingMs),
      pauses: pausesOf(record),
      startSeq: started.seq,
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
      signer: signingKeyOf(record),
    },
    deviations: deviationRows(record),
    deviationsText: deviationsText(record),
    objectives: objectiveRows(record),
    timeline: timelineView(record, steps),
    steps: lists.rows,
    details: lists.details,
    questions: questions(steps),
    participants: participants(record, steps),
    changes: changeRows(steps),
    undo: record.rollback && {
      why: record.rollback.why,
      steps: record.rollback.steps,
      result: record.rollback.ok === null ? "not finished" : record.rollback.ok ? "complete" : "failed",
    },
    artifacts,
    backups: backupRows(steps),
    environment: environmentRows(record, sources.config),
    inputs: started.inputs.map((input) => ({
      name: input.name,
      value: input.sensitive ? "sensitive, not stored" : jsonText(input.value),
      source: input.source,
    })),
    inputsDigest: inputsDigestOf(record),
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

function failureText(step: StepRecord): string {
  if (step.failure !== null) return step.failure.message;
  const unmet = step.checks.find((c) => c.status !== "met");
  if (unmet) return unmet.message ?? `not met: ${unmet.that}`;
  return step.why ?? step.approval?.state ?? step.status.replace("_", " ");
}
