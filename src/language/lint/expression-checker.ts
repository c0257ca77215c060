/** Checks one expression or text with holes, and puts what it finds at the exact place in the file. */
import type { JsonSchema } from "../../util/json.ts";
import type { CelProblem, CheckOptions, Reference } from "../cel/index.ts";
import { alwaysTests, checkExpression, isConstant, parseExpression, references, sizeTested } from "../cel/index.ts";
import { isDiagnosticCode } from "../codes.ts";
import type { Range } from "../diagnostic.ts";
import type { Step } from "../runbook.ts";
import { lastKeyOf, parentOf, valueAt } from "../source.ts";
import { parseTemplate } from "../template.ts";
import type { LintContext } from "./context.ts";
import { type Entry, stepsSchema, targetVariables } from "./scope.ts";
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

/** Names that expressions read. */
export interface Use {
  readonly inputs: Set<string>;
  readonly secrets: Set<string>;
  /** `inputs` as a whole was read. */
  allInputs: boolean;
}

interface BareOptions {
  readonly expects: CheckOptions["expects"];
  readonly nullAllowed?: boolean;
  readonly verification?: boolean;
  /** All conditions of the same `verify`: a size test in one counts for the others. */
  readonly others?: readonly string[];
}

interface TemplateOptions {
  readonly secrets?: boolean;
  readonly nullAllowed?: boolean;
  readonly expects?: CheckOptions["expects"];
  readonly schema?: JsonSchema | undefined;
}

export class ExpressionChecker {
  readonly use: Use = { inputs: new Set(), secrets: new Set(), allInputs: false };
  readonly #context: LintContext;
  readonly #common: Readonly<Record<string, JsonSchema>>;
  readonly #targets: ReadonlyMap<string, Record<string, unknown>> | null;
  /** Step id → paths at which it stands, for hints. */
  readonly #paths = new Map<string, string[]>();
  /** Lists in brackets whose items a comma has cut: one mistake, however many items it made. */
  readonly #cutLists = new Set<string>();
  readonly #order = new Map<string, "guards" | "steps" | "always">();

  constructor(context: LintContext, common: Readonly<Record<string, JsonSchema>>) {
    this.#context = context;
    this.#common = common;
    this.#targets = targetVariables(context);
    for (const [step, { list, parents }] of allSteps(context.runbook)) {
      if (list === "rollback") continue;
      const path = ["steps", ...parents.flatMap((p) => [p.id, "steps"]), step.id].join(".");
      this.#paths.set(step.id, [...(this.#paths.get(step.id) ?? []), path]);
      if (parents.length === 0) this.#order.set(step.id, list);
    }
  }

  /** An expression that is the whole value; gives the type it has. */
  bare(pointer: string, where: Where, options: BareOptions): JsonSchema {
    const text = valueAt(this.#context.source.data, pointer);
    if (typeof text !== "string") return {};
    if (text.includes("${{")) {
      const inner = parseTemplate(text).parts.find((part) => part.kind === "hole");
      const expression = inner?.kind === "hole" ? inner.expression : "";
      this.#report(
        "hole-in-expression",
        pointer,
        { start: 0, end: text.length },
        `"${nameOf(pointer)}" is an expression already; it takes no hole.`,
        `Write ${expression === "" ? "the expression alone" : expression}.`,
      );
      this.note(expression);
      return {};
    }
    const constant = options.verification === true && isConstant(text);
    if (constant) {
      this.#report(
        "constant-verification",
        pointer,
        { start: 0, end: text.length },
        "This is always the same, whatever the step did.",
        "Compare something of result, outputs or an earlier step.",
      );
      return {};
    }
    const sizes = new Set((options.others ?? []).filter((other) => other !== text).flatMap(sizeTested));
    return this.#expression(text, pointer, 0, where, options, false, sizes);
  }

  /** A text with holes. */
  template(pointer: string, where: Where, options: TemplateOptions): void {
    const text = valueAt(this.#context.source.data, pointer);
    if (typeof text !== "string" || !text.includes("${{")) return;
    const { parts, problems, isWholeHole } = parseTemplate(text);
    for (const problem of problems) this.#syntax(problem.code, problem.message, problem.hint, pointer, problem.range);
    for (const part of parts) {
      if (part.kind !== "hole" || part.expression === "") continue;
      const nullAllowed = isWholeHole && options.nullAllowed === true;
      const type = this.#expression(
        part.expression,
        pointer,
        part.range.start,
        where,
        { expects: isWholeHole ? (options.expects ?? "any") : "any", nullAllowed },
        options.secrets === true,
        new Set(),
      );
      if (isWholeHole && options.schema !== undefined) this.#fits(type, options.schema, pointer, part.range);
    }
  }

  /** Counts names of an expression as used without checking it: it was refused for its place. */
  note(expression: string): void {
    for (const { path } of references(expression)) this.#count(path);
  }

  #count(path: readonly string[]): void {
    const [root, name] = path;
    if (root === "inputs" && name === undefined) this.use.allInputs = true;
    if (root === "inputs" && name !== undefined) this.use.inputs.add(name);
    if (root === "secrets" && name !== undefined) this.use.secrets.add(name);
  }

  #expression(
    text: string,
    pointer: string,
    offset: number,
    where: Where,
    options: BareOptions,
    secrets: boolean,
    sizes: ReadonlySet<string>,
  ): JsonSchema {
    const parsed = parseExpression(text);
    if (!parsed.ok) {
      const { code, message, hint, range } = parsed.problem;
      this.#syntax(code, message, hint, pointer, shift(range, offset));
      return {};
    }
    const read = references(text);
    for (const { path } of read) this.#count(path);
    const shadowed = new Set(Object.keys(where.bindings));
    const refused = read
      .map(
        (reference) =>
          !shadowed.has(reference.path[0]!) && this.#refused(reference, text, pointer, offset, where, secrets),
      )
      .some(Boolean);
    if (refused) return {};
    const mentioned = new Set(
      read.filter(({ path }) => path[0] === "steps" && path[1] !== undefined).map(({ path }) => path[1]!),
    );
    const steps: Record<string, JsonSchema> = where.stepsKnown
      ? { steps: stepsSchema(where.root, mentioned, where.inside, where.allMayBeAbsent) }
      : {};
    const result = checkExpression(text, {
      variables: { ...this.#common, ...steps, ...where.bindings },
      expects: options.expects,
      nullAllowed: options.nullAllowed ?? false,
      verification: options.verification ?? false,
      assuming: where.assuming,
    });
    for (const problem of result.problems) {
      if (problem.code === "vacuous-all" && this.#sizeKnown(problem, sizes)) continue;
      this.#problem(problem, pointer, offset);
    }
    return result.type;
  }

  /** A size test of the same list in another condition of the same `verify` is as good. */
  #sizeKnown(problem: CelProblem, sizes: ReadonlySet<string>): boolean {
    return [...sizes].some((key) => problem.message.includes(key) || (problem.hint ?? "").includes(`size(${key})`));
  }

  #problem(problem: CelProblem, pointer: string, offset: number): void {
    // A name with "-" is explained in the message; the sentence begins as the other messages about names do.
    const message = problem.message.replace(/^No (?=step|input|output|")/, "no ");
    const hint = message.includes('In an expression "-"') ? undefined : problem.hint;
    const code = isDiagnosticCode(problem.code) ? problem.code : "cel-type";
    const { source, findings } = this.#context;
    const at = { file: source.file, range: source.rangeIn(pointer, shift(problem.range, offset)) };
    findings.add(problem.severity, code, at, message, { hint });
  }

  /** Reports a reference that its place forbids or that cannot have a value yet. */
  #refused(
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
        `Add it: secrets: [${[...this.#context.runbook.secrets, name].join(", ")}].`,
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

  /** A value of the wrong type for a field of `with`; what is not known passes. */
  #fits(type: JsonSchema, schema: JsonSchema, pointer: string, range: Range): void {
    const allowed = ([] as unknown[]).concat(schema["type"] ?? []);
    const found = ([] as unknown[]).concat(type["type"] ?? []).filter((name) => name !== "null");
    if (allowed.length === 0 || found.length !== 1 || allowed.includes(found[0])) return;
    if (found[0] === "integer" && allowed.includes("number")) return;
    if (found[0] === "number" && allowed.includes("integer")) return;
    const hint =
      allowed[0] === "string" && ["integer", "number", "boolean"].includes(String(found[0]))
        ? "Write string(…) around it."
        : undefined;
    this.#report(
      "cel-type",
      pointer,
      range,
      `"${nameOf(pointer)}" must be ${allowed.join(" or ")}; this is ${String(found[0])}.`,
      hint,
    );
  }

  /** An error of syntax, which YAML may have caused by cutting the value. */
  #syntax(code: string, message: string, hint: string | undefined, pointer: string, range: Range): void {
    const { source } = this.#context;
    const position = source.positionOf(pointer);
    const rest = position === undefined ? "" : source.text.slice(position.range.end).split("\n", 1)[0]!;
    if (position?.style === "plain" && /^\s+#/.test(rest)) {
      const end = position.range.end + rest.trimEnd().length;
      const written = source.text.slice(position.range.start, end);
      this.#context.findings.error(
        "hash-in-plain",
        { file: source.file, range: { start: position.range.start, end } },
        'The " #" cuts this value off: the rest is a comment.',
        { hint: `Quote the whole value: ${quote(written)}` },
      );
      return;
    }
    if (
      position?.style === "plain" &&
      position.inFlow &&
      Array.isArray(valueAt(source.data, parentOf(pointer))) &&
      code === "cel-syntax"
    ) {
      const list = parentOf(pointer);
      if (this.#cutLists.has(list)) return;
      this.#cutLists.add(list);
      this.#context.findings.error(
        "comma-in-flow",
        source.at(pointer),
        "Inside [ ] a comma ends the item, so the expression is cut.",
        { hint: "Quote the expression, or write one item per line." },
      );
      return;
    }
    this.#report(isDiagnosticCode(code) ? code : "cel-syntax", pointer, range, message, hint);
  }

  #report(
    code: Parameters<LintContext["findings"]["error"]>[0],
    pointer: string,
    range: Range,
    message: string,
    hint?: string,
  ): void {
    const { source, findings } = this.#context;
    findings.error(code, { file: source.file, range: source.rangeIn(pointer, range) }, message, { hint });
  }
}

function shift(range: Range, offset: number): Range {
  return { start: range.start + offset, end: range.end + offset };
}

function nameOf(pointer: string): string {
  const key = lastKeyOf(pointer);
  return /^\d+$/.test(key) ? lastKeyOf(parentOf(pointer)) : key;
}

function quote(value: string): string {
  return value.includes('"') ? `'${value.replaceAll("'", "''")}'` : `"${value}"`;
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
