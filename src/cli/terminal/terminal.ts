/** What the terminal can do, decided once: colour, symbols, width, whether anybody can be asked. */
import { isTerminal } from "./standard-output.ts";
import { inAscii } from "./text-width.ts";

export type Role = "error" | "warning" | "place" | "quiet" | "good" | "strong";

const codes: Readonly<Record<Role, readonly [number, number]>> = {
  error: [31, 39],
  warning: [33, 39],
  place: [36, 39],
  quiet: [2, 22],
  good: [32, 39],
  strong: [1, 22],
};

/** ANSI, 16 colours only; never the only carrier of a fact. */
export function paint(text: string, role: Role): string {
  const [on, off] = codes[role];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

export const unicodeSymbols = {
  ok: "✔",
  failed: "✖",
  pending: "○",
  running: "⠹",
  skipped: "↷",
  waiting: "⏸",
  undone: "↩",
  warn: "!",
  unknown: "?",
} as const;
export const asciiSymbols = {
  ok: "ok",
  failed: "FAIL",
  pending: "..",
  running: ">>",
  skipped: "--",
  waiting: "||",
  undone: "<-",
  warn: "!",
  unknown: "?",
} as const;
export type Symbols = Readonly<Record<keyof typeof unicodeSymbols, string>>;

export interface Terminal {
  /** Colour for what goes to stderr (progress) and to stdout (text output). */
  readonly colorErr: boolean;
  readonly colorOut: boolean;
  readonly symbols: Symbols;
  readonly width: number;
  /** A person can be asked: stdin and stderr are terminals and nothing forbids it. */
  readonly interactive: boolean;
  readonly progress: "tty" | "plain" | "quiet";
}

/** Our words, as these symbols' terminal can show them. */
export function legible(symbols: Symbols, text: string): string {
  return symbols === unicodeSymbols ? text : inAscii(text);
}

type Env = Readonly<Record<string, string | undefined>>;

export function readTerminal(
  options: {
    readonly color: string | undefined;
    readonly progress: string | undefined;
    readonly noInput: boolean;
    readonly quiet: boolean;
  },
  env: Env = process.env,
): Terminal {
  const err = isTerminal(2);
  const out = isTerminal(1);
  const dumb = env["TERM"] === "dumb";
  const mayAsk = err && !options.noInput && !isSet(env["RUNBOOK_NO_INPUT"]) && !isSet(env["CI"]);
  const asked = options.progress ?? env["RUNBOOK_PROGRESS"];
  const auto = err && !dumb && !isSet(env["CI"]) ? "tty" : "plain";
  const progress = options.quiet ? "quiet" : asked === "tty" || asked === "plain" || asked === "quiet" ? asked : auto;
  return {
    colorErr: wantsColor(options.color ?? env["RUNBOOK_COLOR"], env, err),
    colorOut: wantsColor(options.color ?? env["RUNBOOK_COLOR"], env, out),
    symbols: isUtf8(env) && !isSet(env["RUNBOOK_ASCII"]) ? unicodeSymbols : asciiSymbols,
    width: Number(env["COLUMNS"]) || (err ? process.stderr.columns : 0) || 80,
    // Node makes a stream of stdin when it is looked at: last, so that a run in CI has none.
    interactive: mayAsk && process.stdin.isTTY === true,
    progress,
  };
}

/** `--color` > RUNBOOK_COLOR > NO_COLOR > FORCE_COLOR > TERM=dumb > is it a terminal. */
function wantsColor(flag: string | undefined, env: Env, isTerminal: boolean): boolean {
  if (flag === "always") return true;
  if (flag === "never") return false;
  if (env["NO_COLOR"]) return false;
  if (isSet(env["FORCE_COLOR"]) || isSet(env["CLICOLOR_FORCE"])) return true;
  return isTerminal && env["TERM"] !== "dumb";
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}

function isUtf8(env: Env): boolean {
  return /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "UTF-8");
}
