/** Whether the name an expression reads may be read at its place, and has a value there. */
import type { JsonSchema } from "../../util/json.ts";
import { alwaysTests, type Reference } from "../cel/index.ts";
import type { DiagnosticCode } from "../codes.ts";
import type { Range } from "../diagnostic.ts";
import type { Runbook, Step } from "../runbook.ts";
import { lastKeyOf, parentOf } from "../source.ts";
import type { LintContext } from "./context.ts";
import { type Entry, targetVariables } from "./scope.ts";
import { allSteps } from "./step-tree.ts";

/** Where an expression stands. */
export interface Where {
  /** Steps that ran before, in the list the expression's step stands in; added to as the walk goes on. */
  readonly entries: Map<string, Entry>;
  /** The same for the whole runbook: what `steps.*` names. */
  readonly root: Map<string, Entry>;
  /** Groups around it, which are running. */
  readonly inside: ReadonlySet<Step>;
  /** Conditions that hold here: the `if` of the step and of groups around it. */
  readonly assuming: readonly string[];
  /** `result`, `outputs`, `artifacts`, the item of a forEach. */
  readonly bindings: Readonly<Record<string, JsonSchema>>;
  /** `always` and `notify`: no step is sure to have run. */
  readonly allMayBeAbsent: boolean;
  /** False where no step has run yet and never will: the lock key, the environment of the runbook. */
  readonly stepsKnown: boolean;
}

export class ReferenceRules {
  readonly #context: LintContext;
  readonly #targets: ReadonlyMap<string, Record<string, unknown>> | null;
  /** Step id → paths at which it stands, for hints. */
  readonly #paths = new Map<string, string[]>();
  readonly #order = new Map<string, "guards" | "steps" | "always">();

  readonly #report: Report;

  constructor(context: LintContext) {
    this.#context = context;
    this.#report = reporter(context);
    this.#targets = targetVariables(context);
    for (const [step, { list, parents }] of allSteps(context.runbook)) {
      if (list === "rollback") continue;
      const path = ["steps", ...parents.flatMap((p) => [p.id, "steps"]), step.id].join(".");
      this.#paths.set(step.id, [...(this.#paths.get(step.id) ?? []), path]);
      if (parents.length === 0) this.#order.set(step.id, list);
    }
  }

  /** Reports a reference that its place forbids or that cannot have a value yet. */
  refuses(
    reference: Reference,
    text: string,
    pointer: string,
    offset: number,
    where: Where,
    secrets: boolean,
  ): boolean {
    const [root, name] = reference.path;
    const range = shift(reference.range, offset);
    if (root === "secrets" && !secrets) {
      this.#report(
        "secret-position",
        pointer,
        range,
        `A secret in "${nameOf(pointer)}" would be seen.`,
        "Secrets go by env, http headers, and fields that a step type marks secret.",
      );
      return true;
    }
    if (root === "secrets" && name !== undefined && !this.#context.runbook.secrets.includes(name)) {
      this.#report(
        "unknown-reference",
        pointer,
        range,
        `no secret "${name}" is declared.`,
        `Add it: secrets: [${[...declaredSecrets(this.#context.runbook), name].join(", ")}].`,
      );
      return true;
    }
    if (
      root === "inputs" &&
      name !== undefined &&
      /\/run(\/\d+)?$/.test(pointer) &&
      this.#context.runbook.inputs[name]?.sensitive === true
    ) {
      this.#report(
        "secret-position",
        pointer,
        range,
        `The input "${name}" is sensitive; in a command every process of the machine could see it.`,
        "Give it by env.",
      );
      return true;
    }
    if (root === "target") return this.#missingVariable(reference, pointer, range);
    if (root === "steps" && name !== undefined) return this.#unreachable(reference, text, pointer, range, where);
    return false;
  }

  #missingVariable(reference: Reference, pointer: string, range: Range): boolean {
    if (this.#targets === null) return false;
    const path = reference.path.slice(1);
    if (path.length === 0 || path[0] === "name" || path[0] === "protected") return false;
    for (let length = 1; length <= path.length; length++) {
      const part = path.slice(0, length);
      const without = [...this.#targets].filter(([, variables]) => !hasPath(variables, part)).map(([name]) => name);
      if (without.length === 0) continue;
      if (without.length === this.#targets.size) return false;
      this.#report(
        "target-variable",
        pointer,
        range,
        `"${part.join(".")}" is not set on ${without.join(", ")}.`,
        "Set it there in runbook.config.yaml, or give it in the targets map of this runbook.",
      );
      return true;
    }
    return false;
  }

  #unreachable(reference: Reference, text: string, pointer: string, range: Range, where: Where): boolean {
    const id = reference.path[1]!;
    const whole = `steps.${id}`;
    if (!where.stepsKnown) {
      this.#report(
        "forward-reference",
        pointer,
        range,
        `No step has run when "${nameOf(pointer)}" is read.`,
        "Use inputs, target and run here.",
      );
      return true;
    }
    const entry = where.root.get(id);
    if (entry === undefined) {
      const list = this.#order.get(id);
      if (list !== undefined) {
        const isOwn = pointer.startsWith(this.#pointerOf(id));
        const message = isOwn ? `"${whole}" is this step itself.` : `The step "${id}" has not run yet here.`;
        const hint = isOwn
          ? "Inside its own step write result, outputs or artifacts."
          : "Steps run in the order of the file; move the one that reads after it.";
        this.#report("forward-reference", pointer, range, message, hint);
        return true;
      }
      const paths = this.#paths.get(id);
      if (paths === undefined) return false;
      this.#report(
        "unknown-reference",
        pointer,
        range,
        `no step "${id}" at the top of the runbook.`,
        `Write ${paths.join(" or ")}.`,
      );
      return true;
    }
    return this.#absentMember(reference, text, pointer, range, entry, where);
  }

  #pointerOf(id: string): string {
    const { guards, steps, always } = this.#context.runbook;
    return `${[...guards, ...steps, ...always].find((step) => step.id === id)?.pointer ?? "#"}/`;
  }

  /** Members of a group that have not run yet, and untyped outputs of a step that may be skipped. */
  #absentMember(
    reference: Reference,
    text: string,
    pointer: string,
    range: Range,
    first: Entry,
    where: Where,
  ): boolean {
    let entry = first;
    let at = 2;
    let absent = where.allMayBeAbsent || (entry.mayBeAbsent && !where.inside.has(entry.step));
    while (reference.path[at] === "steps" && reference.path[at + 1] !== undefined && entry.members !== null) {
      const id = reference.path[at + 1]!;
      const member = entry.members.get(id);
      if (member === undefined) {
        const later =
          entry.step.action.kind === "group" || entry.step.action.kind === "parallel"
            ? entry.step.action.steps.some((s) => s.id === id)
            : false;
        if (!later) return false;
        const isParallel = entry.step.action.kind === "parallel";
        this.#report(
          "forward-reference",
          pointer,
          range,
          isParallel ? `"${id}" runs at the same time.` : `The step "${id}" has not run yet here.`,
          isParallel
            ? "Read it in a step after the parallel block."
            : "Steps run in the order of the file; move the one that reads after it.",
        );
        return true;
      }
      entry = member;
      absent ||= entry.mayBeAbsent && !where.inside.has(entry.step);
      at += 2;
    }
    const output = reference.path[at + 1];
    if (!absent || reference.path[at] !== "outputs" || output === undefined) return false;
    const schema = entry.outputs[output];
    // Typed outputs are `T or null`, which the type check knows; what has no type needs a test of its own.
    if (schema === undefined || Object.keys(schema).length > 0) return false;
    const status = [...reference.path.slice(0, at), "status"];
    const tested = [text, ...where.assuming].some(
      (condition) => alwaysTests(condition, status) || /[!=]= *null/.test(condition),
    );
    if (tested) return false;
    this.#report(
      "skippable-reference",
      pointer,
      range,
      `The step "${entry.step.id}" may be skipped; then this is null.`,
      `Test ${status.join(".")} here or in the step's if.`,
    );
    return true;
  }
}

type Report = (code: DiagnosticCode, pointer: string, range: Range, message: string, hint?: string) => void;

/** Reports errors at a range inside the decoded text of a scalar. */
export function reporter({ source, findings }: LintContext): Report {
  return (code, pointer, range, message, hint) =>
    findings.error(code, { file: source.file, range: source.rangeIn(pointer, range) }, message, { hint });
}

export function shift(range: Range, offset: number): Range {
  return { start: range.start + offset, end: range.end + offset };
}

/** The key a pointer ends in; of a list item, the key of the list. */
export function nameOf(pointer: string): string {
  const key = lastKeyOf(pointer);
  return /^\d+$/.test(key) ? lastKeyOf(parentOf(pointer)) : key;
}
function hasPath(value: unknown, path: readonly string[]): boolean {
  let current: unknown = value;
  for (const [i, key] of path.entries()) {
    // Below a list or a scalar, or inside what the sandbox supplies, types decide.
    if (current === null || typeof current !== "object" || Array.isArray(current)) return i > 0;
    if (Object.keys(current).length === 0 && i > 0) return true;
    if (!Object.hasOwn(current, key)) return false;
    current = (current as Record<string, unknown>)[key];
  }
  return true;
}

/** As they are written: with the mark of those that may be missing. */
function declaredSecrets({ secrets, optionalSecrets }: Runbook): string[] {
  return secrets.map((name) => (optionalSecrets.includes(name) ? `${name}?` : name));
}
