/** Help, made from the verb table: examples first, one screen. */
import { commonFlags, type Flag, type Verb, verbs } from "./verbs/table.ts";

const groups = ["Run", "Decide", "Look", "Write", "Prove", "Tool"] as const;

export function overview(): string {
  const lines = [
    "runbook: runbooks that are validated, planned, run with checkpoints, undone and proven",
    "",
    "  runbook plan rollback-production -t local -i reason=test",
    '  runbook run  rollback-production -t local -i reason="bad release"',
    "  runbook resume",
    "",
  ];
  for (const group of groups) {
    lines.push(group);
    for (const verb of verbs.filter((item) => item.group === group)) {
      lines.push(`  ${`${verb.name} ${verb.args}`.padEnd(22)} ${verb.summary}`);
    }
  }
  lines.push("", "runbook <verb> --help · runbook help exit-codes", "");
  return lines.join("\n");
}

export function verbHelp(verb: Verb): string {
  const lines = [
    ...verb.examples.map((example) => `  runbook ${example}`),
    "",
    verb.summary,
    "",
    `runbook ${verb.name} ${verb.args}`.trimEnd(),
  ];
  if (verb.flags.length > 0) lines.push("", "Flags", ...flagLines(verb.flags));
  lines.push(
    "",
    "Common",
    ...flagLines(commonFlags.filter((flag) => flag.name !== "output" || verb.outputs !== undefined)),
  );
  if (verb.outputs) lines.push("", `-o: ${verb.outputs.join(", ")}`);
  return `${lines.join("\n")}\n`;
}

function flagLines(flags: readonly Flag[]): string[] {
  return flags.map((flag) => {
    const short = flag.short ? `-${flag.short}, ` : "    ";
    const value = flag.values ? ` ${flag.values.join("|")}` : flag.value ? ` ${flag.value}` : "";
    const head = `  ${short}--${flag.name}${value}`;
    return head.length > 32 ? `${head}\n${" ".repeat(34)}${flag.summary}` : `${head.padEnd(34)}${flag.summary}`;
  });
}
