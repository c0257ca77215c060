/** Help, made from the verb table: examples first, one screen. */
import { commonFlags, type Flag } from "../verbs/flags.ts";
import { type Verb, verbs } from "../verbs/table.ts";

export const verbGroups = ["Run", "Decide", "Look", "Write", "Prove", "Tool"] as const;
const widthColumns = 80;
const flagColumn = 32;
const summaryColumn = 32;

export function overview(): string {
  const lines = [
    "runbook: procedures that are validated, planned, run, undone and proven",
    "",
    "  runbook plan rollback-production -t local -i reason=test",
    '  runbook run  rollback-production -t local -i reason="bad release"',
    "  runbook resume",
  ];
  for (const group of verbGroups) {
    for (const [at, verb] of verbs.filter((item) => item.group === group).entries()) {
      const head = `${(at === 0 ? group : "").padEnd(7)} ${`${verb.name} ${verb.args}`.padEnd(summaryColumn - 9)} `;
      lines.push(...wrapped(verb.summary, head, " ".repeat(summaryColumn)));
    }
  }
  lines.push("", "runbook <verb> --help · runbook help exit-codes|environment|expressions|…", "");
  return lines.join("\n");
}

export function verbHelp(verb: Verb): string {
  const lines = [
    ...verb.examples.map((example) => `  runbook ${example}`),
    "",
    `runbook ${verb.name} ${verb.args}`.trimEnd(),
    verb.summary,
  ];
  if (verb.flags.length > 0) lines.push("", ...verb.flags.flatMap(flagLines));
  lines.push("", ...commonLines(verb));
  return `${lines.join("\n")}\n`;
}

/** More values than this stand behind what the flag does. */
const longestValues = 40;

function flagLines(flag: Flag): string[] {
  const short = flag.short ? `-${flag.short}, ` : "    ";
  const choices = flag.values?.join("|") ?? "";
  const isLong = choices.length > longestValues;
  const value = choices !== "" && !isLong ? ` ${choices}` : flag.value ? ` ${flag.value}` : "";
  const head = `  ${short}--${flag.name}${value}`;
  const summary = isLong ? `${flag.summary}: ${flag.values?.join(", ")}` : flag.summary;
  const indent = " ".repeat(flagColumn);
  if (head.length >= flagColumn) return [head, ...wrapped(summary, indent, indent)];
  return wrapped(summary, head.padEnd(flagColumn), indent);
}

/** Flags of every verb by name only: `runbook help flags` says what they do. */
function commonLines(verb: Verb): string[] {
  const lines = verb.outputs && verb.outputs.length > 1 ? [`-o ${verb.outputs.join("|")}`] : [];
  const names = commonFlags
    .filter((flag) => flag.name !== "output" && flag.name !== "help")
    .map((flag) => `${flag.short ? `-${flag.short}/` : ""}--${flag.name}`);
  return [...lines, ...wrapped(`${names.join(" ")}: runbook help flags`, "Also: ", "      ")];
}

function wrapped(text: string, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > widthColumns) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
