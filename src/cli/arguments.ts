/** Words of the command line → verb, positionals, flags; every mistake names the nearest right word. */
import { parseArgs } from "node:util";
import { closest } from "../util/closest.ts";
import { UsageError } from "./errors.ts";
import { commonFlags, type Flag } from "./verbs/flags.ts";
import { otherNames, type Verb, verbNamed, verbs } from "./verbs/table.ts";

export interface Arguments {
  readonly verb: Verb;
  readonly words: readonly string[];
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  on(name: string): boolean;
  /** What was typed, mended and ready to paste: without these flags, or with no others, and with more words. */
  again(change: {
    verb?: string;
    without?: readonly string[];
    only?: readonly string[];
    add?: readonly string[];
  }): string;
}

/** Throws `UsageError`. */
export function parseArguments(argv: readonly string[]): Arguments {
  const at = verbIndex(argv);
  const name = argv[at];
  if (name === undefined) throw new UsageError("no verb given", "runbook --help");
  const verb = verbNamed(name);
  if (verb === undefined) {
    const near =
      otherNames.get(name) ??
      closest(
        name,
        verbs.map((item) => item.name),
      );
    throw new UsageError(
      `"${name}" is not a verb${near ? `. Did you mean "${near}"?` : ""}`,
      near ? `runbook ${near} --help` : "runbook --help",
    );
  }
  const flags = [...verb.flags, ...commonFlags];
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)];
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(rest, flags);
  } catch (error) {
    throw flagError(error, verb, flags);
  }
  const values = parsed.values as Record<string, unknown>;
  for (const flag of flags) checkValues(flag, values[flag.name], verb);
  return {
    verb,
    words: parsed.positionals,
    text: (flag) => {
      const value = values[flag];
      return typeof value === "string" ? value : Array.isArray(value) ? value.at(-1) : undefined;
    },
    texts: (flag) => (Array.isArray(values[flag]) ? (values[flag] as string[]) : []),
    again: ({ verb: other, without = [], only, add = [] }) => {
      const kept = parsed.tokens.flatMap((token) => {
        if (token.kind === "positional") return [token.value];
        if (token.kind !== "option" || without.includes(token.name) || only?.includes(token.name) === false) return [];
        return token.value === undefined ? [token.rawName] : [token.rawName, token.value];
      });
      return ["runbook", other ?? verb.name, ...kept, ...add].map(shellWord).join(" ");
    },
    on: (flag) => values[flag] === true || (Array.isArray(values[flag]) && (values[flag] as unknown[]).length > 0),
  };
}

function parse(words: readonly string[], flags: readonly Flag[]) {
  const options = Object.fromEntries(
    flags.map((flag) => [
      flag.name,
      {
        type: flag.value === undefined ? ("boolean" as const) : ("string" as const),
        ...(flag.short ? { short: flag.short } : {}),
        ...(flag.multiple ? { multiple: true } : {}),
      },
    ]),
  );
  return parseArgs({ args: [...words], options, allowPositionals: true, strict: true, tokens: true });
}

/** A word as a person types it: quoted only where a shell would read it otherwise. */
function shellWord(word: string): string {
  if (/^[\w@%+=:,./…-]+$/u.test(word)) return word;
  const [, name = "", value = word] = /^(\w+=)(.*)$/s.exec(word) ?? [];
  return `${name}${/["$`\\!]/.test(value) ? `'${value.replaceAll("'", "'\\''")}'` : `"${value}"`}`;
}

/** The verb is the first word that is no flag and no flag's value; common flags may stand before it. */
function verbIndex(argv: readonly string[]): number {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-")) return at;
    const flag = commonFlags.find((item) => word === `--${item.name}` || word === `-${item.short}`);
    if (flag?.value !== undefined) at++;
  }
  return argv.length;
}

function checkValues(flag: Flag, value: unknown, verb: Verb): void {
  if (flag.values === undefined || value === undefined) return;
  for (const item of Array.isArray(value) ? value : [value]) {
    if (flag.values.includes(String(item))) continue;
    throw new UsageError(
      `--${flag.name} takes ${flag.values.join(", ")}, not "${item}"`,
      `runbook ${verb.name} --help`,
    );
  }
}

function flagError(error: unknown, verb: Verb, flags: readonly Flag[]): UsageError {
  const message = error instanceof Error ? error.message : String(error);
  const next = `runbook ${verb.name} --help`;
  const unknown = /^Unknown option '(-{1,2}[^']*)'/.exec(message)?.[1];
  if (unknown !== undefined) {
    const name = unknown.replace(/^-+/, "").replace(/=.*/, "");
    const others = verbs.filter((other) => other.flags.some((flag) => flag.name === name)).map((other) => other.name);
    const near = closest(
      name,
      flags.map((flag) => flag.name),
    );
    if (others.length > 0) {
      const known = `"${unknown}" is not a flag of ${verb.name}; it is one of ${others.join(", ")}`;
      return new UsageError(known, `runbook ${others[0]} --help`);
    }
    return new UsageError(
      `"${unknown}" is not a flag of ${verb.name}${near ? `. Did you mean "--${near}"?` : ""}`,
      next,
    );
  }
  return new UsageError(message.split(". To specify")[0] ?? message, next);
}
