/**
 * What is refused before the YAML composer sees a text. The composer recurses, and yaml 2.9.1 aborts the whole process
 * on the second deeply nested text it meets, uncatchably; the lexer used here is iterative.
 */
import { CST, Lexer } from "yaml";
import type { DiagnosticCode } from "./codes.ts";
import type { Edit, Range } from "./diagnostic.ts";

export const yamlLimits = { bytes: 1024 * 1024, depth: 64, nodes: 10_000, lines: 50_000 } as const;

export interface GuardProblem {
  readonly code: DiagnosticCode;
  readonly range: Range;
  readonly message: string;
  readonly hint?: string;
  readonly fix?: readonly Edit[];
}

export interface GuardResult {
  /** Composing the text would be unsafe or senseless. */
  readonly fatal: GuardProblem | null;
  /** Constructs of YAML that runbooks do not use: tags, anchors, aliases, directives. */
  readonly forbidden: readonly GuardProblem[];
  /** What the text was cut into, for the parser; all of it where nothing is fatal. */
  readonly lexemes: readonly string[];
}

// Everything YAML 1.2 §5.1 calls unprintable, lone surrogates, and marks that reorder what a reviewer reads.
const unprintable =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|(?<![\ud800-\udbff])[\udc00-\udfff]|[\ud800-\udbff](?![\udc00-\udfff])/;

export function guardYaml(text: string): GuardResult {
  const bytes = text.length > yamlLimits.bytes ? text.length : Buffer.byteLength(text);
  if (bytes > yamlLimits.bytes) {
    return fatal(
      "yaml-too-large",
      { start: 0, end: 0 },
      "The file is larger than 1 MiB.",
      "Split it, or move data into files that steps read.",
    );
  }
  let lines = 1;
  for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) lines++;
  if (lines > yamlLimits.lines) {
    return fatal(
      "yaml-too-large",
      { start: 0, end: 0 },
      `The file has more than ${yamlLimits.lines.toLocaleString("en-US")} lines.`,
      "Split it, or move data into files that steps read.",
    );
  }
  const control = unprintable.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return fatal(
      "control-character",
      { start: control.index, end: control.index + 1 },
      `Invisible character U+${code}; a reviewer would not see what is executed.`,
      `Remove it, or write it as an escape in a double-quoted value ("\\u${code}").`,
    );
  }
  const bom = text.indexOf("\ufeff", 1);
  if (bom !== -1) {
    return fatal(
      "control-character",
      { start: bom, end: bom + 1 },
      "A byte order mark inside the text.",
      "Remove it; only the start of a file may have one.",
    );
  }
  return scan(text);
}

function fatal(code: DiagnosticCode, range: Range, message: string, hint: string): GuardResult {
  return { fatal: { code, range, message, hint }, forbidden: [], lexemes: [] };
}

function scan(text: string): GuardResult {
  const forbidden: GuardProblem[] = [];
  const lexemes: string[] = [];
  const blocks: { column: number; kind: string }[] = [];
  let flow = 0;
  let nodes = 0;
  let offset = 0;
  let lineStart = 0;
  let keyColumn = -1;
  for (const source of new Lexer().lex(text)) {
    lexemes.push(source);
    const type = CST.tokenType(source);
    if (source === CST.DOCUMENT || source === CST.SCALAR || source === CST.FLOW_END) continue;
    const start = offset;
    offset += source.length;
    const range = { start, end: offset };
    const column = start - lineStart;
    switch (type) {
      case "flow-map-start":
      case "flow-seq-start":
        flow++;
        nodes++;
        if (keyColumn < 0) keyColumn = column;
        break;
      case "flow-map-end":
      case "flow-seq-end":
        flow = Math.max(0, flow - 1);
        break;
      case "seq-item-ind":
      case "explicit-key-ind":
        nodes++;
        if (flow === 0) open(blocks, column, type);
        keyColumn = -1;
        break;
      case "map-value-ind":
        if (flow === 0) open(blocks, keyColumn < 0 ? column : keyColumn, "map");
        keyColumn = -1;
        break;
      case "comma":
        nodes++;
        break;
      case "newline":
        keyColumn = -1;
        break;
      case "tag":
        forbidden.push({
          code: "yaml-tag",
          range,
          message: `"${source}" is a YAML tag; a runbook uses none.`,
          hint: tagHint(text, start),
        });
        break;
      case "anchor":
        forbidden.push({
          code: "yaml-alias",
          range,
          message: `"${source}" is a YAML anchor; a runbook uses none.`,
          hint: "Write the value out at each place; a text that starts with & needs quotes.",
        });
        break;
      case "alias":
        nodes++;
        forbidden.push({
          code: "yaml-alias",
          range,
          message: `"${source}" is a YAML alias; a runbook uses none.`,
          hint: "Write the value out; a text that starts with * needs quotes.",
        });
        break;
      case "directive-line":
        forbidden.push({
          code: "yaml-directive",
          range,
          message: "YAML directives are not used in runbooks.",
          hint: "Remove the line.",
        });
        break;
      case "scalar":
      case "single-quoted-scalar":
      case "double-quoted-scalar":
      case null:
        nodes++;
        if (flow === 0 && keyColumn < 0) keyColumn = column;
        break;
      default:
        break;
    }
    if (flow + blocks.length > yamlLimits.depth) {
      return fatal(
        "yaml-too-deep",
        range,
        `Nested deeper than ${yamlLimits.depth} levels.`,
        "A runbook nests groups, not documents; split it into several.",
      );
    }
    // An empty item or value is a node of its own, so this is an upper bound of twice the real number.
    if (nodes > yamlLimits.nodes * 2) return tooMany(range);
    const newline = source.lastIndexOf("\n");
    if (newline !== -1) lineStart = start + newline + 1;
  }
  return { fatal: null, forbidden, lexemes };
}

export function tooMany(range: Range): GuardResult & { fatal: GuardProblem } {
  return {
    fatal: {
      code: "yaml-too-many-nodes",
      range,
      message: `More than ${yamlLimits.nodes.toLocaleString("en-US")} values in one file.`,
      hint: "Split the runbook, or move data into files that steps read.",
    },
    forbidden: [],
    lexemes: [],
  };
}

function open(blocks: { column: number; kind: string }[], column: number, kind: string): void {
  while (blocks.length > 0 && blocks.at(-1)!.column > column) blocks.pop();
  const same = blocks.findLastIndex((b) => b.column === column && b.kind === kind);
  if (same !== -1) blocks.length = same + 1;
  else blocks.push({ column, kind });
}

function tagHint(text: string, start: number): string {
  const rest = /[^\r\n]*/.exec(text.slice(start))?.[0].trimEnd() ?? "";
  const quoted = rest.includes('"') ? `'${rest.replaceAll("'", "''")}'` : `"${rest}"`;
  return rest.length <= 60
    ? `"not" at the start of a value needs quotes: ${quoted}`
    : "A value that starts with ! needs quotes.";
}
