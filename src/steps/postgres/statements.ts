/**
 * Where SQL text ends its statements, as psql's scanner sees it (src/fe_utils/psqlscan.l): strings, quoted names,
 * dollar quotes, nested comments, brackets and SQL-standard function bodies. Not a parser: it finds borders, first
 * words, psql's own commands and variables, so that a file cannot leave the transaction it was given.
 */

export interface Statement {
  /** Without the semicolon; comments and blanks before it left out. */
  readonly text: string;
  /** 1-based line of its first word. */
  readonly line: number;
  /** Words outside brackets and strings, lower case. */
  readonly words: readonly string[];
}

export interface SqlText {
  readonly statements: readonly Statement[];
  /** psql's own commands (`\c shop`), which are no SQL. */
  readonly metas: readonly { readonly line: number; readonly text: string }[];
  /** `:name`, `:'name'`, `:"name"`. */
  readonly variables: readonly { readonly line: number; readonly name: string; readonly isQuoted: boolean }[];
  /** What was never closed, in words; null = nothing. */
  readonly open: { readonly line: number; readonly what: string } | null;
}

const wordStart = /[A-Za-z_\u0080-\uffff]/;
const word = /[A-Za-z0-9_$\u0080-\uffff]/;

export function splitStatements(source: string): SqlText {
  const statements: Statement[] = [];
  const metas: { line: number; text: string }[] = [];
  const variables: { line: number; name: string; isQuoted: boolean }[] = [];
  let open: SqlText["open"] = null;
  let start = -1;
  let startLine = 1;
  let words: string[] = [];
  let depth = 0;
  let bodyDepth = 0;
  let line = 1;
  let at = 0;

  const begin = () => {
    if (start >= 0) return;
    start = at;
    startLine = line;
  };
  /** Moves to `end`, counting lines. */
  const skipTo = (end: number) => {
    for (; at < end; at++) if (source[at] === "\n") line++;
  };
  /** Moves behind `close`, or notes that it never comes. */
  const skipBehind = (end: number, what: string) => {
    if (end < 0) open ??= { line, what };
    skipTo(end < 0 ? source.length : end);
  };
  const finish = () => {
    if (start >= 0) statements.push({ text: source.slice(start, at).trimEnd(), line: startLine, words });
    start = -1;
    words = [];
    depth = 0;
    bodyDepth = 0;
  };

  while (at < source.length) {
    const char = source[at] as string;
    const two = source.slice(at, at + 2);
    if (two === "--") {
      skipTo(lineEnd(source, at));
    } else if (two === "/*") {
      skipBehind(commentEnd(source, at), "a comment");
    } else if (/\s/.test(char)) {
      skipTo(at + 1);
    } else if (char === "'") {
      begin();
      skipBehind(stringEnd(source, at, false), "a string");
    } else if (char === '"') {
      begin();
      skipBehind(quotedEnd(source, at, '"'), "a quoted name");
    } else if (char === "$" && dollarTag(source, at) !== null) {
      begin();
      const tag = dollarTag(source, at) as string;
      const end = source.indexOf(tag, at + tag.length);
      skipBehind(end < 0 ? -1 : end + tag.length, `${tag}-quoted text`);
    } else if (char === "\\") {
      const end = lineEnd(source, at);
      metas.push({ line, text: source.slice(at, end).trim() });
      skipTo(end);
    } else if (char === ":" && /^:(?:'|")?[A-Za-z_0-9]/.test(source.slice(at, at + 3)) && source[at - 1] !== ":") {
      begin();
      const found = /^:(['"]?)(\w+)\1/.exec(source.slice(at, at + 200));
      if (found !== null) variables.push({ line, name: found[2] as string, isQuoted: found[1] !== "" });
      skipTo(at + (found?.[0].length ?? 1));
    } else if (char === ";" && depth === 0 && bodyDepth === 0) {
      finish();
      skipTo(at + 1);
    } else if (wordStart.test(char)) {
      begin();
      const end = wordEnd(source, at);
      const text = source.slice(at, end).toLowerCase();
      // E'…' has backslash escapes; B'…', N'…', U&'…' end like plain strings and are met again above.
      if (text === "e" && source[end] === "'") {
        skipTo(end);
        skipBehind(stringEnd(source, end, true), "a string");
        continue;
      }
      if (depth === 0 && bodyDepth === 0) words.push(text);
      if (definesRoutine(words)) {
        if (text === "begin" || (text === "case" && bodyDepth > 0)) bodyDepth++;
        else if (text === "end" && bodyDepth > 0) bodyDepth--;
      }
      skipTo(end);
    } else {
      begin();
      if (char === "(") depth++;
      else if (char === ")" && depth > 0) depth--;
      skipTo(at + 1);
    }
  }
  if (open === null && depth > 0) open = { line: startLine, what: "a bracket" };
  if (open === null && bodyDepth > 0) open = { line: startLine, what: "the body of a function" };
  finish();
  return { statements, metas, variables, open };
}

/** The verb that says what a statement does: behind `WITH` the one of its last part. */
export function verbOf({ words }: Statement): string {
  const [first = ""] = words;
  if (first !== "with") return first;
  return (
    words.find((each) => ["select", "insert", "update", "delete", "merge", "values", "table"].includes(each)) ?? ""
  );
}

/** Begins, ends or changes a transaction. https://www.postgresql.org/docs/current/sql-begin.html and its neighbours */
export function isTransactionControl({ words }: Statement): boolean {
  const [first = "", second = "", third = ""] = words;
  if (["begin", "commit", "end", "rollback", "abort"].includes(first)) return !(second === "to" || third === "to");
  if (first === "start" || first === "prepare") return second === "transaction";
  if (first === "set") return second === "transaction" || (second === "session" && third === "characteristics");
  return false;
}

function definesRoutine(words: readonly string[]): boolean {
  const at = words[1] === "or" && words[2] === "replace" ? 3 : 1;
  return words[0] === "create" && (words[at] === "function" || words[at] === "procedure");
}

function lineEnd(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}

/** Comments nest, unlike those of C. -1 = it does not end. */
function commentEnd(source: string, at: number): number {
  let depth = 0;
  for (let i = at; i < source.length; ) {
    const two = source.slice(i, i + 2);
    if (two === "/*") depth++;
    else if (two === "*/") depth--;
    i += two === "/*" || two === "*/" ? 2 : 1;
    if (depth === 0) return i;
  }
  return -1;
}

function quotedEnd(source: string, at: number, quote: string): number {
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] !== quote) continue;
    if (source[i + 1] === quote) i++;
    else return i + 1;
  }
  return -1;
}

function stringEnd(source: string, at: number, escapes: boolean): number {
  if (!escapes) return quotedEnd(source, at, "'");
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "'" && source[i + 1] === "'") i++;
    else if (source[i] === "'") return i + 1;
  }
  return -1;
}

/** `$$` or `$name$` that opens a quote here; a dollar inside a name opens none. */
function dollarTag(source: string, at: number): string | null {
  if (at > 0 && word.test(source[at - 1] as string)) return null;
  return /^\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/.exec(source.slice(at, at + 70))?.[0] ?? null;
}

function wordEnd(source: string, at: number): number {
  let end = at;
  while (end < source.length && word.test(source[end] as string)) end++;
  return end;
}
