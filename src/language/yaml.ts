/**
 * Strict YAML 1.2 (https://yaml.org/spec/1.2.2/): the core schema without tags, anchors, aliases, merge keys and
 * non-string keys, within limits that hold before anything is composed. Never throws; what is wrong becomes diagnostics.
 */
import {
  Composer,
  type CST,
  type Document,
  type DocumentOptions,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type ParseOptions,
  Parser,
  type Scalar,
  type SchemaOptions,
  YAMLParseError,
} from "yaml";
import type { Range } from "./diagnostic.ts";
import type { Findings } from "./findings.ts";
import type { ScalarStyle } from "./scalar-map.ts";
import { escapePointer, type Position, Source } from "./source.ts";
import { type GuardProblem, guardYaml, tooMany, yamlLimits } from "./yaml-guard.ts";
import { cutByComment, explainYamlError, quoted } from "./yaml-traps.ts";

const options: ParseOptions & DocumentOptions & SchemaOptions = {
  version: "1.2",
  schema: "core",
  customTags: [],
  stringKeys: true,
  merge: false,
  uniqueKeys: true,
  strict: true,
  prettyErrors: false,
  keepSourceTokens: false,
  // "silent" would also silence the error about a second document.
  logLevel: "error",
};

/** Keys that reach into prototypes when a careless reader copies data with `target[key] = value`. */
const reservedKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Parses a text; `source.data` is undefined when it is not well-formed, and then `findings` says why. */
export function readYaml(file: string, text: string, findings: Findings): Source {
  const broken = new Source(file, text, undefined, new Map());
  const report = (problem: GuardProblem) =>
    findings.error(problem.code, { file, range: within(text, problem.range) }, problem.message, problem);
  let guard: ReturnType<typeof guardYaml>;
  let document: Document.Parsed;
  try {
    guard = guardYaml(text);
    if (guard.fatal !== null) {
      report(guard.fatal);
      return broken;
    }
    document = compose(text, guard.lexemes);
  } catch (error) {
    // The library answers some malformed texts with an exception instead of an error in the document.
    const message = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    findings.error("yaml-syntax", { file, range: { start: 0, end: 0 } }, `The text is not YAML: ${message}`);
    return broken;
  }
  const tagErrors = new Set(["TAG_RESOLVE_FAILED", "BAD_ALIAS"]);
  const syntax = [...document.errors, ...document.warnings]
    .filter((e) => !tagErrors.has(e.code))
    .sort((a, b) => a.pos[0] - b.pos[0])[0];
  const earliest = guard.forbidden[0];
  // After the first error YAML reads the rest differently from what was meant, so only that one is reported.
  if (syntax !== undefined && (earliest === undefined || syntax.pos[0] < earliest.range.start)) {
    report(explainYamlError(text, syntax));
    return broken;
  }
  if (earliest !== undefined) {
    const shown = syntax === undefined ? firstOfEachLine(text, guard.forbidden).slice(0, 20) : [earliest];
    for (const problem of shown) report(problem);
    return broken;
  }
  const walk = new Walk(file, text, findings);
  const data = walk.value(document.contents, "", null, false);
  return walk.failed ? broken : new Source(file, text, data, walk.positions);
}

/** What `parseDocument` of the library does, from what the guard has cut already: cutting is a third of the work. */
function compose(text: string, lexemes: readonly string[]): Document.Parsed {
  let document: Document.Parsed | null = null;
  for (const next of new Composer(options).compose(tokensOf(lexemes), true, text.length)) {
    if (document !== null) {
      const at: [number, number] = [next.range[0], next.range[1]];
      document.errors.push(new YAMLParseError(at, "MULTIPLE_DOCS", "Source contains multiple documents"));
      break;
    }
    document = next as Document.Parsed;
  }
  // The composer was told to give one in any case.
  return document!;
}

function* tokensOf(lexemes: readonly string[]): Generator<CST.Token, void> {
  const parser = new Parser();
  for (const lexeme of lexemes) yield* parser.next(lexeme);
  yield* parser.end();
}

/** An error at the end of the text has no character to stand on. */
function within(text: string, { start, end }: Range): Range {
  return { start: Math.min(start, text.length), end: Math.min(end, text.length) };
}

/** `if: !x && y` is one mistake, not a tag and an anchor. */
function firstOfEachLine(text: string, problems: readonly GuardProblem[]): readonly GuardProblem[] {
  return problems.filter((problem, i) => {
    const previous = problems[i - 1];
    return previous === undefined || text.slice(previous.range.start, problem.range.start).includes("\n");
  });
}

class Walk {
  readonly positions = new Map<string, Position>();
  failed = false;
  readonly #file: string;
  readonly #text: string;
  readonly #findings: Findings;
  #nodes = 0;

  constructor(file: string, text: string, findings: Findings) {
    this.#file = file;
    this.#text = text;
    this.#findings = findings;
  }

  value(node: unknown, pointer: string, key: Range | null, inFlow: boolean): unknown {
    if (++this.#nodes > yamlLimits.nodes) {
      const { fatal } = tooMany(key ?? { start: 0, end: 0 });
      if (!this.failed) this.#fail(fatal);
      return null;
    }
    if (isMap(node)) return this.#map(node.items as Pair[], node, pointer, key, inFlow);
    if (isSeq(node)) {
      this.#place(pointer, node, "list", key, inFlow);
      return node.items.map((item, i) => {
        // `- a: b` inside [ ] is a pair without braces.
        const child = isPair(item) ? ({ items: [item] } as const) : null;
        if (child !== null) return this.#map([item as Pair], item as unknown as Node, `${pointer}/${i}`, null, true);
        return this.value(item, `${pointer}/${i}`, null, node.flow === true);
      });
    }
    if (isScalar(node)) return this.#scalar(node, pointer, key, inFlow);
    if (isAlias(node)) this.failed = true;
    const at = key?.end ?? 0;
    this.positions.set(pointer, {
      range: { start: at, end: at },
      token: { start: at, end: at },
      style: "empty",
      key,
      inFlow,
    });
    return null;
  }

  #map(items: readonly Pair[], node: Node, pointer: string, key: Range | null, inFlow: boolean): unknown {
    this.#place(pointer, node, "map", key, inFlow);
    const data: Record<string, unknown> = Object.create(null);
    const flow = (node as { flow?: boolean }).flow === true;
    for (const pair of items) {
      const keyNode = pair.key as Scalar;
      const range = rangeOf(keyNode);
      const name = String(keyNode?.value ?? "");
      this.#checkKey(keyNode, name, range);
      data[name] = this.value(pair.value, `${pointer}/${escapePointer(name)}`, range, flow);
    }
    return data;
  }

  #checkKey(key: Scalar, name: string, range: Range): void {
    const plain = key?.type === "PLAIN" || key?.type === undefined;
    if (plain && name === "<<") {
      this.#fail({
        code: "merge-key",
        range,
        message: 'Merge keys ("<<") are not used in runbooks.',
        hint: "Write the keys out.",
      });
    } else if (reservedKeys.has(name)) {
      this.#fail({ code: "reserved-key", range, message: `"${name}" cannot be a key.`, hint: "Choose another name." });
    } else if (
      plain &&
      /^(true|false|null|~|[-+]?(\d[\d_]*(\.\d*)?([eE][-+]?\d+)?|0x[\da-f]+|0o[0-7]+|\.inf)|\.nan|)$/i.test(name)
    ) {
      this.#fail({
        code: "non-string-key",
        range,
        message: `The key ${name === "" ? "is empty" : `${name} is not a text`}.`,
        hint: `Quote it if it is meant: "${name}".`,
      });
    }
  }

  #scalar(node: Scalar, pointer: string, key: Range | null, inFlow: boolean): unknown {
    const range = rangeOf(node);
    const style = styleOf(node);
    const empty = node.value === null && range.start === range.end;
    this.positions.set(pointer, {
      range: style === "literal" || style === "folded" ? this.#blockText(range) : range,
      token: range,
      style: empty ? "empty" : style,
      key,
      inFlow,
    });
    if (typeof node.value === "number" && style === "plain") this.#checkNumber(node.value, range);
    if (style === "plain" && !empty) this.#checkComment(range);
    return node.value;
  }

  /** `Tell #launch`: a comment that somebody meant has a blank after its mark. */
  #checkComment({ start, end }: Range): void {
    const next = this.#text[end];
    if (next !== " " && next !== "\t") return;
    const comment = /^[ \t]+#[^\s#!][^\r\n]*/.exec(this.#text.slice(end, end + 1_000))?.[0];
    if (comment === undefined) return;
    const range = { start, end: end + comment.trimEnd().length };
    const whole = quoted(this.#text.slice(range.start, range.end));
    this.#findings.warning("hash-in-plain", { file: this.#file, range }, cutByComment, {
      hint: `Quote the whole value: ${whole}. A comment has a blank after #.`,
    });
  }

  #checkNumber(value: number, range: Range): void {
    const written = this.#text.slice(range.start, range.end);
    if (!Number.isFinite(value)) {
      this.#fail({
        code: "bad-number",
        range,
        message: `${written} is not a finite number.`,
        hint: `Quote it if it is a text: "${written}".`,
      });
    } else if (/^[-+]?0\d/.test(written)) {
      this.#fail({
        code: "bad-number",
        range,
        message: `${written} is read as the number ${value}; the leading zero is lost.`,
        hint: `Quote it if it is a text: "${written}".`,
      });
    } else if (Number.isInteger(value) && !Number.isSafeInteger(value) && /^[-+]?\d+$/.test(written)) {
      this.#fail({
        code: "bad-number",
        range,
        message: `${written} has more digits than a number keeps; it would become ${value}.`,
        hint: `Quote it: "${written}".`,
      });
    }
  }

  #blockText(token: Range): Range {
    const body = this.#text.slice(token.start, token.end);
    const headerEnd = body.indexOf("\n");
    const first = headerEnd === -1 ? -1 : body.slice(headerEnd).search(/\S/);
    if (first === -1) return token;
    return { start: token.start + headerEnd + first, end: token.start + body.trimEnd().length };
  }

  #place(pointer: string, node: Node, style: "map" | "list", key: Range | null, inFlow: boolean): void {
    const token = rangeOf(node);
    const end = token.start + this.#text.slice(token.start, token.end).trimEnd().length;
    this.positions.set(pointer, { range: { start: token.start, end }, token, style, key, inFlow });
  }

  #fail(problem: GuardProblem): void {
    this.failed = true;
    this.#findings.error(problem.code, { file: this.#file, range: problem.range }, problem.message, {
      hint: problem.hint,
    });
  }
}

function rangeOf(node: { range?: readonly [number, number, number] | null | undefined } | null): Range {
  const range = node?.range;
  return range ? { start: range[0], end: range[1] } : { start: 0, end: 0 };
}

function styleOf(node: Scalar): ScalarStyle {
  switch (node.type) {
    case "BLOCK_FOLDED":
      return "folded";
    case "BLOCK_LITERAL":
      return "literal";
    case "QUOTE_DOUBLE":
      return "double";
    case "QUOTE_SINGLE":
      return "single";
    default:
      return "plain";
  }
}
