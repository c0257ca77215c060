/**
 * Splits `run: fly releases --app ${{ target.app }} --json` into words without a shell. Quotes group, a backslash takes
 * the next character as it is, a hole never splits or adds a word. What only a shell would understand is an error.
 */
import type { DiagnosticCode } from "./codes.ts";
import type { Range } from "./diagnostic.ts";
import { holesOf } from "./template.ts";

export interface WordProblem {
  readonly code: DiagnosticCode;
  readonly range: Range;
  readonly message: string;
  readonly hint: string;
}

export interface SplitCommand {
  readonly words: readonly string[];
  readonly problems: readonly WordProblem[];
}

const useScript = "Use `uses: script`, which has a shell, and give it values by env.";

/** Never throws; words are given as far as they could be read. Ranges are in `text`. */
export function splitCommand(text: string): SplitCommand {
  const holes = new Map(holesOf(text).map(({ outer }) => [outer.start, outer.end]));
  const words: string[] = [];
  const problems: WordProblem[] = [];
  const shell = (start: number, end: number, message: string, hint = useScript) =>
    problems.push({ code: "shell-in-run", range: { start, end }, message, hint });
  let word: string | null = null;
  let wordStart = 0;
  let i = 0;
  const push = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  const add = (chars: string) => {
    if (word === null) wordStart = i;
    word = (word ?? "") + chars;
  };
  while (i < text.length) {
    const ch = text[i]!;
    if (ch === " " || ch === "\t" || ch === "\n" || ch === "\r") {
      push();
      const newline = ch === "\n" && words.length > 0 && text.slice(i).trim() !== "";
      if (newline) {
        shell(
          i + 1,
          i + 1 + lineLength(text, i + 1),
          "A second line is a second command; a step runs one.",
          "Make a step of each line, fold the text with >-, or use `uses: script`.",
        );
        i += 1;
      } else i += 1;
      continue;
    }
    const hole = text.startsWith("$${{", i) ? i + 4 : holes.get(i);
    if (hole !== undefined) {
      add(text.slice(i, hole));
      i = hole;
    } else if (ch === "'" || ch === '"') {
      const read = readQuoted(text, i, holes, shell);
      if (read === null) {
        problems.push({
          code: "bad-command",
          range: { start: i, end: i + 1 },
          message: `The quote ${ch} is never closed.`,
          hint: "Close it, or use the list form run: [command, argument].",
        });
        add(text.slice(i + 1));
        i = text.length;
      } else {
        add(read.text);
        i = read.end;
      }
    } else if (ch === "\\" && i + 1 < text.length) {
      add(text[i + 1] === "\n" ? "" : text[i + 1]!);
      i += 2;
    } else {
      const problem = metacharacter(
        text,
        i,
        word === null,
        words.length === 0 ? "command" : "argument",
        text.slice(wordStart, i),
      );
      if (problem === null) {
        add(ch);
        i += 1;
      } else {
        shell(i, i + problem.length, problem.message, problem.hint);
        if (problem.separates) push();
        else add(text.slice(i, i + problem.length));
        i += problem.length;
      }
    }
  }
  push();
  const first = words[0];
  if (first !== undefined && /^[A-Za-z_][A-Za-z0-9_]*=/.test(first)) {
    const at = text.indexOf(first.split("=")[0]!);
    shell(
      at,
      at + first.split("=")[0]!.length,
      "A variable before a command is a form of the shell.",
      "Write it under env:.",
    );
  }
  return { words, problems };
}

interface Metacharacter {
  readonly length: number;
  readonly message: string;
  readonly hint?: string;
  readonly separates: boolean;
}

function metacharacter(
  text: string,
  i: number,
  atWordStart: boolean,
  place: string,
  wordSoFar: string,
): Metacharacter | null {
  const rest = text.slice(i, i + 80);
  const operator = /^(?:\|\||&&|\|&?|;|&)/.exec(rest)?.[0];
  if (operator !== undefined) {
    const what = operator.startsWith("|") && operator !== "||" ? "a pipe" : "a way to join commands";
    return {
      length: operator.length,
      message: `"${operator}" is ${what} of the shell; a step runs one command without one.`,
      separates: true,
    };
  }
  const redirect = /^(?:<<<?|>>|[<>]&?)/.exec(rest)?.[0];
  if (redirect !== undefined) {
    const hint = redirect.startsWith("<")
      ? "Give the text by stdin:, or use `uses: script`."
      : "The output is kept anyway; read it as result.stdout, or use `uses: script`.";
    return {
      length: redirect.length,
      message: `"${redirect}" is a redirection of the shell; a step runs one command without one.`,
      hint,
      separates: true,
    };
  }
  // An unclosed hole is a mistake of its own.
  const variable = rest.startsWith("${{")
    ? undefined
    : /^\$(?:\{[^}{]*\}?|\(|[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-])/.exec(rest)?.[0];
  if (variable !== undefined) {
    const hint =
      variable === "$("
        ? useScript
        : "Values come from holes: ${{ inputs.NAME }}, ${{ target.NAME }}; in single quotes it stays as it is.";
    return {
      length: variable.length,
      message: `"${variable}" is expanded by a shell only; here it would stay as it is.`,
      hint,
      separates: false,
    };
  }
  const braces = /^\{[^\s{}]*(?:,|\.\.)[^\s{}]*\}/.exec(rest)?.[0];
  if (braces !== undefined) {
    return {
      length: braces.length,
      message: `"${braces}" is expanded by a shell only; here it would stay as it is.`,
      hint: "Write the words out, or quote it if it is meant as it is.",
      separates: false,
    };
  }
  if (rest.startsWith("`")) return { length: 1, message: "A back-tick is expanded by a shell only.", separates: false };
  if (rest[0] === "*" || (rest[0] === "?" && !wordSoFar.includes("://") && !/^[^\s]*:\/\//.test(wordSoFar))) {
    return {
      length: 1,
      message: `"${rest[0]}" is expanded by a shell only; here it would stay as it is.`,
      hint: "Name the files, use `uses: script`, or quote it if it is meant as it is.",
      separates: false,
    };
  }
  if (atWordStart && /^~(?:\/|\s|$)/.test(rest))
    return {
      length: 1,
      message: '"~" is expanded by a shell only.',
      hint: "Write the path, or use `uses: script`.",
      separates: false,
    };
  if (rest[0] === "(" || rest[0] === ")")
    return {
      length: 1,
      message: `"${rest[0]}" is syntax of the shell.`,
      hint: `Quote the ${place} if it is meant as it is, or use \`uses: script\`.`,
      separates: false,
    };
  return null;
}

function readQuoted(
  text: string,
  start: number,
  holes: ReadonlyMap<number, number>,
  shell: (start: number, end: number, message: string, hint?: string) => void,
): { text: string; end: number } | null {
  const quote = text[start]!;
  let out = "";
  let i = start + 1;
  while (i < text.length) {
    const ch = text[i]!;
    const hole = text.startsWith("$${{", i) ? i + 4 : holes.get(i);
    if (hole !== undefined) {
      out += text.slice(i, hole);
      i = hole;
    } else if (ch === quote) {
      return { text: out, end: i + 1 };
    } else if (quote === '"' && ch === "\\" && /["\\$`]/.test(text[i + 1] ?? "")) {
      out += text[i + 1];
      i += 2;
    } else {
      const variable =
        quote === '"'
          ? /^(?:\$(?:\{[^}{]*\}?|\(|[A-Za-z_][A-Za-z0-9_]*)|`)/.exec(text.slice(i, i + 80))?.[0]
          : undefined;
      if (variable !== undefined) {
        shell(
          i,
          i + variable.length,
          `"${variable}" is expanded by a shell only; here it would stay as it is.`,
          "Values come from holes: ${{ inputs.NAME }}; in single quotes it stays as it is.",
        );
        out += variable;
        i += variable.length;
      } else {
        out += ch;
        i += 1;
      }
    }
  }
  return null;
}

function lineLength(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return (end === -1 ? text.length : end) - at;
}
