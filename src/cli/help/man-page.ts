/**
 * `man/runbook.1`, made from the tables that the parser and `--help` read. Macros of man(7); text is escaped as
 * groff_char(7) asks, so that a hyphen stays a hyphen and can be copied.
 */
import { type ExitName, exitCodes } from "../../engine/exit-codes.ts";
import { commonFlags, type Flag } from "../verbs/flags.ts";
import { type Verb, verbs } from "../verbs/table.ts";
import { environmentVariables } from "./environment-variables.ts";
import { verbGroups } from "./help-text.ts";
import { exitMeanings, topicNames } from "./help-topics.ts";

export function manPage(): string {
  return `${[
    '.\\" Written by `node scripts/generate.mjs` from src/cli/verbs/table.ts; change it there.',
    '.TH RUNBOOK 1 "" runbook "User Commands"',
    ".SH NAME",
    escaped("runbook - validate, plan, run, undo and prove versioned operational procedures"),
    ".SH SYNOPSIS",
    ".B runbook",
    ".I verb",
    "[\\fIrunbook\\fR|\\fIrun\\fR] [\\fIflags\\fR]",
    ".SH DESCRIPTION",
    escaped(
      "A runbook is one YAML file. It is checked before anything runs, planned without touching anything, executed with a durable checkpoint before and after every step, undone when it fails, and its report points at the records of a hash-chained journal.",
    ),
    ".PP",
    escaped(
      "Data goes to standard output, progress and prompts to standard error. last is the newest run; any unique beginning of a run id will do. rbk is the same program.",
    ),
    ".SH VERBS",
    ...verbGroups.flatMap((group) => [
      `.SS ${group}`,
      ...verbs.filter((verb) => verb.group === group).flatMap(verbEntry),
    ]),
    ".SH FLAGS OF EVERY VERB",
    ...commonFlags.flatMap(flagEntry),
    ".SH EXIT STATUS",
    ...Object.entries(exitCodes).flatMap(([name, code]) => [
      ".TP",
      `.B ${code}`,
      escaped(`${name}: ${exitMeanings[name as ExitName]}`),
    ]),
    ".SH ENVIRONMENT",
    ...environmentVariables.flatMap(({ name, summary }) => [".TP", `.B ${escaped(name)}`, escaped(summary)]),
    ".SH SEE ALSO",
    escaped(`runbook help ${topicNames.join(", runbook help ")}`),
  ].join("\n")}\n`;
}

function verbEntry(verb: Verb): string[] {
  const formats = verb.outputs && verb.outputs.length > 1 ? [".br", `\\-o ${escaped(verb.outputs.join("|"))}`] : [];
  return [
    ".TP",
    `.B ${escaped(`runbook ${verb.name} ${verb.args}`.trimEnd())}`,
    `${escaped(verb.summary)}.`,
    ...formats,
    ".RS",
    ...verb.flags.flatMap(flagEntry),
    ".PP",
    ".nf",
    ...verb.examples.map((example) => escaped(`$ runbook ${example}`)),
    ".fi",
    ".RE",
  ];
}

function flagEntry(flag: Flag): string[] {
  const names = [...(flag.short ? [`-${flag.short}`] : []), `--${flag.name}`].map(escaped).join("\\fR, \\fB");
  const value = flag.value ? ` \\fI${escaped(flag.value)}` : "";
  const choices = flag.values ? `: ${flag.values.join(", ")}` : "";
  return [".TP", `\\fB${names}${value}\\fR`, escaped(`${flag.summary}${choices}`)];
}

/** A line of text: no request at its start, no escape within, hyphens and quotes as in ASCII. */
function escaped(text: string): string {
  const inert = text
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/'/g, "\\(aq")
    .replace(/`/g, "\\(ga")
    .replace(/\^/g, "\\(ha")
    .replace(/~/g, "\\(ti")
    .replace(/…/g, "...")
    .replace(/\n/g, " ");
  return inert.startsWith(".") ? `\\&${inert}` : inert;
}
