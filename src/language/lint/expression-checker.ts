/** Checks one expression or text with holes, and puts what it finds at the exact place in the file. */
import type { JsonSchema } from "../../util/json.ts";
import type { CelProblem, CheckOptions } from "../cel/index.ts";
import { checkExpression, isConstant, parseExpression, references } from "../cel/index.ts";
import { isDiagnosticCode } from "../codes.ts";
import type { Range } from "../diagnostic.ts";
import { parentOf, valueAt } from "../source.ts";
import { parseTemplate } from "../template.ts";
import { cutByComment, quoted } from "../yaml-traps.ts";
import type { LintContext } from "./context.ts";
import { nameOf, ReferenceRules, reporter, shift, type Where } from "./reference-rules.ts";
import { stepsSchema } from "./scope.ts";

/** Names that expressions read. */
export interface Use {
  readonly inputs: Set<string>;
  readonly secrets: Set<string>;
  /** `inputs` as a whole was read. */
  allInputs: boolean;
}

type BareOptions = Pick<CheckOptions, "expects" | "nullAllowed" | "verification" | "beside" | "place">;

interface TemplateOptions {
  readonly secrets?: boolean;
  readonly nullAllowed?: boolean;
  /** The text is an item of a list, which cannot be left out. */
  readonly isItem?: boolean;
  readonly expects?: CheckOptions["expects"];
  readonly schema?: JsonSchema | undefined;
}

export class ExpressionChecker {
  readonly use: Use = { inputs: new Set(), secrets: new Set(), allInputs: false };
  readonly #context: LintContext;
  readonly #common: Readonly<Record<string, JsonSchema>>;
  readonly #rules: ReferenceRules;
  readonly #report: ReturnType<typeof reporter>;
  /** Lists in brackets whose items a comma has cut: one mistake, however many items it made. */
  readonly #cutLists = new Set<string>();

  constructor(context: LintContext, common: Readonly<Record<string, JsonSchema>>) {
    this.#context = context;
    this.#common = common;
    this.#rules = new ReferenceRules(context);
    this.#report = reporter(context);
  }

  bare(pointer: string, where: Where, options: BareOptions): JsonSchema {
    const text = valueAt(this.#context.source.data, pointer);
    if (typeof text !== "string") return {};
    if (text.includes("${{")) {
      const { parts, isWholeHole } = parseTemplate(text);
      const inner = parts.find((part) => part.kind === "hole");
      const expression = inner?.kind === "hole" ? inner.expression : "";
      const { source, findings } = this.#context;
      const range = source.rangeIn(pointer, { start: 0, end: text.length });
      const isPlain = isWholeHole && source.text.slice(range.start, range.end) === text;
      findings.error(
        "hole-in-expression",
        { file: source.file, range },
        `"${nameOf(pointer)}" is an expression already; it takes no hole.`,
        {
          hint: `Write ${expression === "" ? "the expression alone" : expression}.`,
          fix: isPlain && expression !== "" ? [{ range, text: expression }] : undefined,
        },
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
    return this.#expression(text, pointer, 0, where, options, false);
  }

  /** A text with holes; gives the type of a text that is one hole, `{}` for others. */
  template(pointer: string, where: Where, options: TemplateOptions): JsonSchema {
    const text = valueAt(this.#context.source.data, pointer);
    if (typeof text !== "string" || !text.includes("{{")) return {};
    this.#withoutDollar(text, pointer);
    if (!text.includes("${{")) return {};
    const { parts, problems, isWholeHole } = parseTemplate(text);
    for (const problem of problems) this.#syntax(problem.code, problem.message, problem.hint, pointer, problem.range);
    let whole: JsonSchema = {};
    for (const part of parts) {
      if (part.kind !== "hole" || part.expression === "") continue;
      const nullAllowed = isWholeHole && options.nullAllowed === true;
      const type = this.#expression(
        part.expression,
        pointer,
        part.range.start,
        where,
        {
          expects: isWholeHole ? (options.expects ?? "any") : "any",
          nullAllowed,
          ...(isWholeHole ? (options.isItem === true ? { place: "item" } : {}) : { place: "text" }),
        },
        options.secrets === true,
      );
      if (isWholeHole) whole = type;
      if (isWholeHole && options.schema !== undefined) this.#fits(type, options.schema, pointer, part.range);
    }
    return whole;
  }

  /** `{{ inputs.x }}`, as other tools write it, would stay as it is. */
  #withoutDollar(text: string, pointer: string): void {
    const { source, findings } = this.#context;
    for (const match of text.matchAll(/(?<!\$)\{\{\s*((?:inputs|target|steps|run|secrets)\.[^{}]*?)\s*\}\}/g)) {
      const range = source.rangeIn(pointer, { start: match.index, end: match.index + match[0].length });
      const message = `"${match[0]}" stays as it is; a hole is written with a dollar sign.`;
      findings.error("unquoted-hole", { file: source.file, range }, message, { hint: `Write \${{ ${match[1]} }}.` });
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
          !shadowed.has(reference.path[0]!) && this.#rules.refuses(reference, text, pointer, offset, where, secrets),
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
      ...options,
      variables: { ...this.#common, ...steps, ...where.bindings },
      assuming: where.assuming,
    });
    for (const problem of result.problems) this.#problem(problem, pointer, offset);
    return result.type;
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
        cutByComment,
        { hint: `Quote the whole value: ${quoted(written)}` },
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
}
