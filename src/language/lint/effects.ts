/** What steps may change, and whether it is declared, undone, repeated, approved and verified as it must be. */
import { longestApprovalMs, parseDurationMs } from "../../util/duration.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { isWeaker } from "../normalize-step.ts";
import type { Action, Effects, Runbook, Step } from "../runbook.ts";
import { valueAt } from "../source.ts";
import type { LintContext } from "./context.ts";
import { allSteps, type StepPlace, typeOf } from "./step-tree.ts";

const defaultMaxRetries = 3;
/** Methods that only read, https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const otherMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

export function lintEffects(context: LintContext): void {
  for (const [step, place] of allSteps(context.runbook)) {
    if (typeOf(step) !== null) leaf(step, place, context);
    else if (step.action.kind === "runbook" && place.list === "guards" && step.effects !== "read")
      guardWrites(step, context);
  }
  approvals(context);
  verification(context);
}

function leaf(step: Step, place: StepPlace, context: LintContext): void {
  const { source, findings, catalogue } = context;
  const { pointer } = step;
  // With two actions nobody can say what the rest of the step is about.
  if (source.has(`${pointer}/run`) && source.has(`${pointer}/uses`)) return;
  const type = catalogue.get(typeOf(step)!);
  const declared = valueAt(source.data, `${pointer}/effects`);
  if (type?.effectsRequired === true && declared === undefined) {
    // `uses: run` is no step type; that is told already.
    if (step.action.kind === "uses" && step.action.type === "run") return;
    const what = type.type;
    findings.error(
      "missing-effects",
      source.keyAt(`${pointer}/${step.action.kind === "run" ? "run" : "uses"}`),
      `"${what}" can do anything: say what it may change.`,
      {
        hint: "Add effects: read, write or destructive.",
      },
    );
    return;
  }
  if (type?.type === "http" && declared === undefined) requestEffects(step, context);
  if (type !== undefined && type.effectsRequired !== true && isEffects(declared) && isWeaker(declared, type.effects)) {
    findings.error(
      "weaker-effects",
      source.at(`${pointer}/effects`),
      `"${type.type}" is ${type.effects}; a step cannot call it ${declared}.`,
      {
        hint: "Remove effects, or name a stronger one.",
      },
    );
  }
  if (place.list === "guards" && step.effects !== "read") guardWrites(step, context);
  checkAction(step, context);
  repeats(step, context);
  stepKeys(step, context);
  persons(step, place, context);
  if (step.effects !== "read") wayBack(step, place, context);
  override(step, place, context);
}

function isEffects(value: unknown): value is Effects {
  return value === "read" || value === "write" || value === "destructive";
}

/** The method of a request says whether it may change something, unless it is one that only reads. */
function requestEffects(step: Step, { source, findings }: LintContext): void {
  const method = requestMethod(step.action);
  if (method === null) return;
  const message = method.includes("${{")
    ? "The method is known only in a run: say what the request may change."
    : `${method} may change something: say what.`;
  findings.error("method-without-effects", source.at(`${step.pointer}/with/method`), message, {
    hint: "Add effects: write or destructive, or effects: read when it changes nothing that lasts.",
  });
}

/** The method of an `http` action when it is not one that only reads; null for every other action. */
function requestMethod(action: Action): string | null {
  if (action.kind !== "uses" || action.type !== "http") return null;
  const method = action.with["method"];
  const isKnown = (text: string) => otherMethods.has(text) || text.includes("${{");
  return typeof method === "string" && !safeMethods.has(method) && isKnown(method) ? method : null;
}

function guardWrites(step: Step, { source, findings }: LintContext): void {
  const key = ["effects", "uses", "run"].find((k) => source.has(`${step.pointer}/${k}`)) ?? "id";
  findings.error(
    "guard-writes",
    source.at(`${step.pointer}/${key}`),
    `A guard only reads; this one is ${step.effects}.`,
    {
      hint: "Move it into steps; guards run again before every resume.",
    },
  );
}

function checkAction(step: Step, { source, findings, catalogue }: LintContext): void {
  if (step.check?.action.kind !== "uses") return;
  const type = catalogue.get(step.check.action.type);
  if (type === undefined) return;
  if (type.person !== null) {
    findings.error(
      "person-in-phase",
      source.at(`${step.pointer}/check/uses`),
      "A check cannot ask a person: it must decide by itself.",
      {
        hint: "Use onInterrupted: ask instead of the check.",
      },
    );
  } else if (type.effects !== "read" && type.effectsRequired !== true) {
    findings.error(
      "check-writes",
      source.at(`${step.pointer}/check/uses`),
      `A check only reads; "${type.type}" is ${type.effects}.`,
      {
        hint: "Ask with a type that reads, such as http, sql or fly/status.",
      },
    );
  }
  const method = requestMethod(step.check.action);
  if (method !== null) {
    findings.error(
      "check-writes",
      source.at(`${step.pointer}/check/with/method`),
      `A check only reads; ${method} may change something.`,
      {
        hint: "Ask with GET, HEAD or OPTIONS.",
      },
    );
  }
}

function repeats(step: Step, { source, findings, config }: LintContext): void {
  const { pointer } = step;
  const cap = config?.policy.maxRetries ?? defaultMaxRetries;
  const attempts = source.has(`${pointer}/retry/attempts`) ? `${pointer}/retry/attempts` : `${pointer}/retry`;
  if (step.retry.attempts > cap) {
    findings.error(
      "retry-above-cap",
      source.at(attempts),
      `${step.retry.attempts} attempts are more than the ${cap} the policy allows.`,
      {
        hint:
          config === undefined
            ? "policy.maxRetries of the project file raises the cap."
            : `Write ${cap}, or raise policy.maxRetries in the project file.`,
      },
    );
  }
  const declared = valueAt(source.data, `${pointer}/onInterrupted`);
  if (
    step.retry.attempts > 1 &&
    step.effects !== "read" &&
    step.check === null &&
    !step.idempotent &&
    declared !== "retry"
  ) {
    findings.error(
      "unsafe-retry",
      source.keyAt(`${pointer}/retry`),
      "A failed write may have taken effect; repeating it blindly does it twice.",
      {
        hint: "Add check: (is it already done?), or idempotent: true when repeating is harmless.",
      },
    );
  }
  if (declared === "check" && step.check === null) {
    findings.error("interrupted-without-check", source.at(`${pointer}/onInterrupted`), "There is no check to ask.", {
      hint: "Add check:, or write ask.",
    });
  }
  if (step.until !== null && step.effects !== "read") {
    findings.error(
      "until-writes",
      source.keyAt(`${pointer}/until`),
      `"until" repeats the action; this one is ${step.effects}.`,
      {
        hint: "Write once, then wait in a step of its own that reads.",
      },
    );
  }
}

function stepKeys(step: Step, { source, findings, catalogue }: LintContext): void {
  const type = catalogue.get(typeOf(step)!);
  if (type === undefined) return;
  for (const key of ["env", "cwd", "stdin", "artifacts"] as const) {
    if (type.stepKeys.includes(key) || !source.has(`${step.pointer}/${key}`)) continue;
    if (key === "artifacts") continue;
    findings.error(
      "key-not-allowed",
      source.keyAt(`${step.pointer}/${key}`),
      `"${key}" belongs to commands; "${type.type}" does not take it.`,
      {
        hint: type.stepKeys.length > 0 ? `It takes ${type.stepKeys.join(", ")}.` : 'Give values by "with".',
      },
    );
  }
}

function persons(step: Step, place: StepPlace, context: LintContext): void {
  const { source, findings, catalogue } = context;
  const person = catalogue.get(typeOf(step)!)?.person ?? null;
  if (person === "approval") openTooLong(step, context);
  if (person === null || (place.list !== "always" && place.list !== "rollback")) return;
  findings.error(
    "person-in-phase",
    source.at(`${step.pointer}/uses`),
    `"${person}" asks a person; ${place.list === "always" ? "always" : "a rollback"} does not wait for answers.`,
    {
      hint: "Ask before, in steps.",
    },
  );
}

function openTooLong({ pointer, timeoutMs }: Step, { source, findings }: LintContext): void {
  const expires = valueAt(source.data, `${pointer}/with/expires`);
  const expiresMs = (typeof expires === "string" ? parseDurationMs(expires) : null) ?? Number.POSITIVE_INFINITY;
  const openMs = Math.min(expiresMs, timeoutMs ?? Number.POSITIVE_INFINITY);
  if (openMs <= longestApprovalMs || openMs === Number.POSITIVE_INFINITY) return;
  findings.warning(
    "open-too-long",
    source.at(`${pointer}/${openMs === expiresMs ? "with/expires" : "timeout"}`),
    "An approval that nobody answers counts as refused after seven days, whatever stands here.",
    {
      hint: "Write 7d or less.",
    },
  );
}

function override(step: Step, place: StepPlace, { source, findings }: LintContext): void {
  if (!source.has(`${step.pointer}/override`) || (place.list === "guards" && place.parents.length === 0)) return;
  if (["approval", "checkpoint", "window"].includes(typeOf(step)!)) return;
  findings.error(
    "key-not-allowed",
    source.keyAt(`${step.pointer}/override`),
    '"override" stands on guards and on approval, checkpoint and window steps only.',
    {
      hint: "Remove it; a failed step is not overridden but resumed.",
    },
  );
}

/** An error, unless every listed target has the policy's permission; without a project file, an error. */
function severityOfMissingWayBack({ runbook, config }: LintContext): Diagnostic["severity"] {
  const targets = Object.keys(runbook.targets);
  const relaxed =
    config !== undefined && targets.length > 0 && targets.every((name) => config.policy.reversibility[name] === "warn");
  return relaxed ? "warning" : "error";
}

function wayBack(step: Step, place: StepPlace, context: LintContext): void {
  if (place.list === "rollback" || place.list === "guards") return;
  // Around it a step undone as a whole gives the way back.
  const owners = [...place.parents, step];
  if (owners.some((s) => s.rollback.length > 0 || s.irreversible !== null || s.idempotent)) return;
  const { source, findings } = context;
  // Written, but not as it must be: that is the one mistake.
  if (source.has(`${step.pointer}/rollback`) || source.has(`${step.pointer}/irreversible`)) return;
  const key = source.has(`${step.pointer}/effects`) ? `${step.pointer}/effects` : `${step.pointer}/uses`;
  findings.add(
    severityOfMissingWayBack(context),
    "no-way-back",
    source.at(key),
    `This step changes something (${step.effects}) and has no way back.`,
    {
      hint: "Add rollback: with the steps that undo it, irreversible: with the reason, or idempotent: true.",
    },
  );
}

/** Writes in the order they run: before the first one an approval, when a listed target is protected. */
function approvals(context: LintContext): void {
  const { runbook, source, config, findings } = context;
  if (config === undefined || config.policy.noApproval.includes(runbook.kind)) return;
  const guarded = Object.keys(runbook.targets).filter((name) => config.targets[name]?.protected === true);
  if (guarded.length === 0) return;
  const write = writeBeforeApproval(runbook, context);
  if (write === null) return;
  findings.error(
    "no-approval",
    source.keyAt(`${write.pointer}/id`),
    `The first write on ${guarded.join(", ")} comes without an approval before it.`,
    { hint: `Add a step with uses: approval before "${write.id}" (if: target.protected skips it elsewhere).` },
  );
}

/** The first write that no approval comes before on every way to it; a used runbook counts as the step that uses it. */
function writeBeforeApproval({ steps, always }: Runbook, context: LintContext): Step | null {
  return firstWrite([...steps, ...always], false, context).write;
}

interface Approved {
  readonly write: Step | null;
  /** Whether an approval was asked for whatever way was taken. */
  readonly approved: boolean;
}

function firstWrite(steps: readonly Step[], before: boolean, context: LintContext): Approved {
  let approved = before;
  for (const step of steps) {
    const type = typeOf(step);
    if (type !== null) {
      if (context.catalogue.get(type)?.person === "approval") approved ||= isCertain(step);
      else if (step.effects !== "read" && !approved) return { write: step, approved };
      continue;
    }
    const inside = firstWriteWithin(step, approved, context);
    if (inside.write !== null) return inside;
    approved ||= inside.approved && isCertain(step);
  }
  return { write: null, approved };
}

function firstWriteWithin(step: Step, before: boolean, context: LintContext): Approved {
  const { action } = step;
  if (action.kind === "runbook") {
    const inside = firstWrite([...action.runbook.steps, ...action.runbook.always], before, context);
    return inside.write === null ? inside : { ...inside, write: step };
  }
  if (action.kind !== "parallel" && action.kind !== "group") return { write: null, approved: false };
  if (action.kind === "group") return firstWrite(action.steps, before, context);
  // Side by side nobody waits for the answer of another.
  const members = action.steps.map((member) => firstWrite([member], before, context));
  return members.find(({ write }) => write !== null) ?? { write: null, approved: members.some((m) => m.approved) };
}

/** A step that is come to on a protected target in every run; the list of a forEach may be empty. */
function isCertain(step: Step): boolean {
  return step.forEach === null && asksOnProtected(step);
}

function asksOnProtected(step: Step): boolean {
  return step.if === null || /\btarget\.(protected|name)\b/.test(step.if);
}

/** A change that goes into service is verified: by its own step, or by a later one that says what must hold. */
function verification({ runbook, source, findings }: LintContext): void {
  if (!["deploy", "rollback", "disaster-recovery", "maintenance"].includes(runbook.kind)) return;
  let last: Step | null = null;
  for (const [step, { list }] of allSteps(runbook)) {
    if (list !== "steps") continue;
    const verifies = step.until !== null || step.verify.some((condition) => condition.severity === "error");
    if (verifies || step.action.kind === "runbook") last = null;
    else if (typeOf(step) !== null && step.effects !== "read") last = step;
  }
  if (last === null) return;
  findings.warning(
    "unverified-write",
    source.keyAt(`${last.pointer}/id`),
    `Nothing verifies what "${last.id}" changed.`,
    {
      hint: "Add verify: to it, or a later step that looks at the service and says what must hold.",
    },
  );
}
