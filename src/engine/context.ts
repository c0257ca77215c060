/** What every part of the engine shares during one execution of a run. */

import type { Policy } from "../language/config.ts";
import type { Effects, Phase, Step } from "../language/runbook.ts";
import { type Frame, type Place, withoutItems } from "../plan/scope.ts";
import type { Catalogue } from "../steps/step-type.ts";
import type { Json, JsonObject } from "../util/json.ts";
import type { EarlierRun } from "./escalation.ts";
import type { Failure, JournalEvent, Person } from "./events.ts";
import type { ActionRunner, EngineClock, RunStore, SecretScan } from "./ports.ts";
import type { ClockWatch } from "./run-clock.ts";
import type { RunRecord, StepRecord } from "./run-record.ts";

export interface EngineContext {
  readonly store: RunStore;
  readonly clock: EngineClock;
  readonly clockWatch: ClockWatch;
  readonly actions: ActionRunner;
  readonly catalogue: Catalogue;
  readonly root: Frame;
  /** Name → value of every declared secret. */
  readonly secrets: Readonly<Record<string, string | null>>;
  /** The same names → mask, for what is shown and kept. */
  readonly maskedSecrets: Readonly<Record<string, string>>;
  readonly policy: Policy;
  readonly actor: Person;
  readonly protected: boolean;
  readonly control: Control;
  /** The approval of this run's plan that was given beforehand (CI), used up by asking; null = none was given. */
  readonly preapproval: (groups: readonly string[]) => Preapproval | null;
  /** The journal's masking sink, for text whose digest is taken before it is recorded. */
  readonly mask: (text: string) => string;
  /** Looks for secrets in everything the run wrote, before its verdict; null = the run has none. */
  readonly scan: () => Promise<SecretScan | null>;
  /** Runs of this runbook on this target with a verdict, newest end first, without this one. */
  readonly earlierRuns: () => readonly EarlierRun[];
  /** While guards are asked again by a resume: those of them that were; absent = a recorded end stands. */
  readonly askedAgain?: Set<string>;
  /** Named points at which tests make the executor fail; does nothing otherwise. */
  readonly failpoint: (name: string) => void;
}

export type Preapproval =
  | { readonly kind: "approved"; readonly by: Person; readonly signature: string }
  /** It was used before, or its giver may not answer here. */
  | { readonly kind: "refused"; readonly why: string };

/** How others stop a run. `stop` ends it at the next safe point; `cancel` also ends the running step. */
export interface Control {
  stop:
    | null
    | { readonly kind: "signal"; readonly signal: "SIGINT" | "SIGTERM" }
    | { readonly kind: "abort" }
    /** The time of a group is over; stops only what is in it. */
    | { readonly kind: "timeout" };
  cancel: AbortController;
  /** The way back or the cleanup goes on: an abort has nothing to stop any more, only a signal does. */
  isEnding: boolean;
  /** Called after every message, by whoever waits for one. */
  wake: (() => void) | null;
}

/** A step at its place: what the loop walks. */
export interface Node {
  readonly step: Step;
  readonly path: string;
  readonly phase: Phase;
  readonly place: Place;
}

/** What a step or a list of steps means for what comes next. */
export type Flow =
  | { readonly kind: "ok" }
  /** `declined`: a person said no, or nobody answered in time; nothing around it may go on regardless. */
  | { readonly kind: "failed"; readonly path: string; readonly refused: boolean; readonly declined?: true }
  /** Only a person can advance the run. */
  | { readonly kind: "waiting" }
  /** A signal or an abort: nothing more is started. */
  | { readonly kind: "stopped" };

export const ok: Flow = { kind: "ok" };

export function recordOf(context: EngineContext, path: string): StepRecord | undefined {
  return context.store.record.steps.get(path);
}

/** What a person overrode: this step, or each item of it before they were known. */
export function overrideOf({ store }: EngineContext, path: string): { readonly reason: string } | null {
  const { overrides } = store.record;
  return overrides.get(path) ?? overrides.get(withoutItems(path)) ?? null;
}

export function append(context: EngineContext, event: JournalEvent): void {
  const anomaly = context.clockWatch();
  if (anomaly !== null) context.store.append(anomaly);
  context.store.append(event);
}

/** True once any write of the run may have changed something. */
export function anyWriteStarted(record: RunRecord): boolean {
  for (const step of record.steps.values()) {
    if (step.tookEffect && step.phase !== "always") return true;
  }
  return false;
}

export function failure(reason: string, message: string, facts: JsonObject = {}): Failure {
  return { class: "failed", reason, message, facts };
}

/** A leaf's or group's end as an event, with the parts most ends do not have left empty. */
export function finished(
  path: string,
  attempt: number,
  durationMs: number,
  status: StepRecord["status"],
  more: {
    outputs?: JsonObject;
    checks?: StepRecord["checks"];
    artifacts?: StepRecord["artifacts"];
    failure?: Failure | null;
    result?: Json;
    note?: string | null;
  } = {},
): JournalEvent {
  return {
    type: "step.finished",
    step: path,
    status,
    attempt,
    durationMs: Math.round(durationMs),
    outputs: more.outputs ?? {},
    checks: more.checks ?? [],
    artifacts: more.artifacts ?? [],
    failure: more.failure ?? null,
    result: more.result ?? null,
    note: more.note ?? null,
  };
}

export function started(
  node: Node,
  attempt: number,
  stepType: string,
  title: string,
  action: string,
  definition: string,
  effects: Effects = node.step.effects,
): JournalEvent {
  return {
    type: "step.started",
    step: node.path,
    title,
    attempt,
    phase: node.phase,
    stepType,
    effects,
    action,
    definition,
  };
}
