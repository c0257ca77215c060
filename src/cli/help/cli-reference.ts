/** `docs/cli.md`, made from the tables that the parser and `--help` read. */
import { type ExitName, exitCodes } from "../../engine/exit-codes.ts";
import { markdownCode, markdownText } from "../../report/inert.ts";
import { commonFlags, type Flag } from "../verbs/flags.ts";
import { type Verb, verbs } from "../verbs/table.ts";
import { environmentVariables } from "./environment-variables.ts";
import { verbGroups } from "./help-text.ts";
import { exitMeanings, topicNames } from "./help-topics.ts";

export function cliReference(): string {
  return `${[
    "<!-- Written by `node scripts/generate.mjs` from src/cli/verbs/table.ts; change it there. -->",
    "# The command line",
    "`runbook <verb> [<runbook|run>] [flags]`; `rbk` is the same program. Data goes to stdout, progress and prompts to stderr. `last` is the newest run; any unique beginning of a run id will do.",
    overviewTable(),
    "## Flags of every verb",
    flagTable(commonFlags),
    ...verbs.flatMap(verbSection),
    "## Exit codes",
    table(
      ["Code", "Name", "Meaning"],
      Object.entries(exitCodes).map(([name, code]) => [
        String(code),
        markdownCode(name),
        markdownText(exitMeanings[name as ExitName]),
      ]),
    ),
    "## Environment variables",
    table(
      ["Variable", "Means"],
      environmentVariables.map(({ name, summary }) => [markdownCode(name), markdownText(summary)]),
    ),
    "## Help topics",
    topicNames.map((name) => markdownCode(`runbook help ${name}`)).join(" · "),
  ].join("\n\n")}\n`;
}

function overviewTable(): string {
  return table(
    ["", "Verb", "Does"],
    verbGroups.flatMap((group) =>
      verbs
        .filter((verb) => verb.group === group)
        .map((verb, at) => [
          at === 0 ? `**${group}**` : "",
          `[\`${verb.name}\`](#${verb.name})`,
          markdownText(verb.summary),
        ]),
    ),
  );
}

function verbSection(verb: Verb): string[] {
  const parts = [
    `## ${verb.name}`,
    `${markdownText(verb.summary)}.`,
    `\`\`\`sh\n${[`runbook ${verb.name} ${verb.args}`.trimEnd(), "", ...verb.examples.map((item) => `runbook ${item}`)].join("\n")}\n\`\`\``,
  ];
  if (verb.outputs && verb.outputs.length > 1) parts.push(`\`-o\`: ${verb.outputs.map(markdownCode).join(", ")}`);
  if (verb.flags.length > 0) parts.push(flagTable(verb.flags));
  return parts;
}

function flagTable(flags: readonly Flag[]): string {
  return table(
    ["Flag", "Value", "Means"],
    flags.map((flag) => [
      [...(flag.short ? [`-${flag.short}`] : []), `--${flag.name}`].map(markdownCode).join(", "),
      flag.values ? flag.values.map(markdownCode).join(" ") : flag.value ? markdownCode(flag.value) : "",
      `${markdownText(flag.summary)}${flag.multiple && flag.value ? " (repeatable)" : ""}`,
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
