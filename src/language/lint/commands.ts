/** Commands: tools of the allow-list, shells that would read values as text, commands that do not exist. */
import { closest } from "../../util/closest.ts";
import type { Location } from "../diagnostic.ts";
import { parseTemplate } from "../template.ts";
import type { LintContext } from "./context.ts";
import { knownWrongCommands, valueFlags } from "./known-commands.ts";
import { allSteps, typeOf } from "./step-tree.ts";

const shells: ReadonlySet<string> = new Set(["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"]);
const interpreters: Readonly<Record<string, string>> = {
  python: "-c",
  python3: "-c",
  node: "-e",
  perl: "-e",
  ruby: "-e",
};

export function lintCommands(context: LintContext): void {
  for (const [step] of allSteps(context.runbook)) {
    const { pointer } = step;
    if (step.action.kind === "run") command(step.action.argv, `${pointer}/run`, context);
    if (step.check?.action.kind === "run") command(step.check.action.argv, `${pointer}/check/run`, context);
    const type = typeOf(step);
    const tools = type === null || type === "run" ? [] : (context.catalogue.get(type)?.tools ?? []);
    for (const tool of tools)
      allowed(tool, context.source.at(`${pointer}/uses`), `"${type}" starts ${tool}, which`, context);
    if (type === "script")
      scriptText(step.action.kind === "uses" ? step.action.with["script"] : null, `${pointer}/with/script`, context);
  }
}

function command(argv: readonly string[], pointer: string, context: LintContext): void {
  const { source, findings } = context;
  const [program, ...words] = argv;
  const at = programAt(program, pointer, context);
  if (program === undefined || program.trim() === "") {
    if (source.has(pointer))
      findings.error("bad-command", source.at(pointer), "The command is empty.", {
        hint: "Its first word is the program.",
      });
    return;
  }
  const tool = program.slice(program.lastIndexOf("/") + 1);
  const isAssignment = /^[A-Za-z_][A-Za-z0-9_]*=/.test(program);
  if (!program.includes("${{") && !isAssignment) allowed(tool, at, `"${tool}"`, context);
  if (words.some((word) => word.includes("${{")) && readsText(tool, words)) {
    findings.error(
      "hole-in-script",
      source.at(pointer),
      `"${tool}" reads this text as a program; a value in it could become a command.`,
      {
        hint: "Use uses: script and give the value by env.",
      },
    );
  }
  const operator = argv.find((word) => /^(\||\|\||&&|;|>|>>|<|2>&1)$/.test(word));
  if (operator !== undefined && Array.isArray(rawAt(pointer, context))) {
    findings.error(
      "shell-in-run",
      source.at(`${pointer}/${argv.indexOf(operator)}`),
      `"${operator}" would be passed to ${tool} as a word; there is no shell.`,
      { hint: "Use uses: script." },
    );
  }
  knownWrong(tool, words, source.at(pointer), context);
}

function rawAt(pointer: string, { source }: LintContext): unknown {
  return source.positionOf(pointer)?.style === "list" ? [] : null;
}

/** Where the first word of a command stands. */
function programAt(program: string | undefined, pointer: string, { source }: LintContext): Location {
  if (program === undefined) return source.at(pointer);
  if (source.positionOf(pointer)?.style === "list") return source.at(`${pointer}/0`);
  return { file: source.file, range: source.rangeIn(pointer, { start: 0, end: program.length }) };
}

function allowed(tool: string, at: Location, what: string, { config, findings }: LintContext): void {
  const tools = config?.policy.tools ?? null;
  if (tools === null || tools.includes(tool)) return;
  const near = closest(tool, tools);
  findings.error("tool-not-allowed", at, `${what} is not in the allow-list of the project.`, {
    hint:
      near === undefined
        ? `policy.tools allows ${tools.join(", ")}.`
        : `Did you mean "${near}"? policy.tools allows ${tools.join(", ")}.`,
  });
}

/** Whether a program reads one of its words as program text. */
function readsText(tool: string, words: readonly string[]): boolean {
  const flag = interpreters[tool];
  if (flag !== undefined) return words.some((word, i) => word === flag && (words[i + 1] ?? "").includes("${{"));
  if (tool === "eval") return true;
  if (!shells.has(tool)) return false;
  const text = words.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
  return text !== -1 && (words[text + 1] ?? "").includes("${{");
}

function knownWrong(tool: string, words: readonly string[], at: Location, { findings }: LintContext): void {
  const name = tool === "flyctl" ? "fly" : tool;
  const subcommands: string[] = [];
  const flags: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("-")) subcommands.push(word);
    else if (valueFlags.has(word) && i + 1 < words.length && !words[i + 1]!.startsWith("-")) {
      flags.push(`${word}=${words[i + 1]}`);
      i += 1;
    } else flags.push(word);
  }
  for (const rule of knownWrongCommands) {
    if (rule.tool !== name || !rule.words.every((word, i) => subcommands[i] === word)) continue;
    if (rule.flag !== undefined && !flags.some((flag) => rule.flag!.test(flag))) continue;
    if (rule.without !== undefined && [...words, ...flags].some((word) => rule.without!.test(word))) continue;
    findings.error("known-wrong-command", at, rule.message, { hint: rule.hint });
    return;
  }
}

/** Lines of a script that name a known-wrong command, as far as words can be told without a shell. */
function scriptText(text: unknown, pointer: string, context: LintContext): void {
  if (typeof text !== "string" || parseTemplate(text).problems.length > 0) return;
  const { source } = context;
  for (const match of text.matchAll(/(?:^|[;|&(]|\n)[ \t]*((?:fly|flyctl|supabase|gh|psql)[ \t][^\n;|&)#]*)/g)) {
    const words = match[1]!
      .trim()
      .split(/[ \t]+/)
      .map((word) => word.replace(/^["']|["']$/g, ""));
    const start = match.index + match[0].length - match[1]!.length;
    const range = source.rangeIn(pointer, { start, end: start + match[1]!.trimEnd().length });
    knownWrong(words[0]!, words.slice(1), { file: source.file, range }, context);
  }
}
