/** `list`: the runbooks of the project, their last real result per target, and drills that are overdue. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { systemClock } from "../../host/clock.ts";
import { runbookKinds } from "../../language/runbook.ts";
import { drillsFile } from "../../report/drills.ts";
import { closest } from "../../util/closest.ts";
import { formatDuration } from "../../util/duration.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { readDrills } from "../project/drills-file.ts";
import { type ListedRunbook, listRunbooks } from "../project/listed-runbooks.ts";
import { noRunbook, runbookFiles } from "../project/project.ts";
import { paint } from "../terminal/terminal.ts";
import { counted, textTable } from "../terminal/text-table.ts";

export default function list(command: Command): number {
  const { args, project, output } = command;
  const kind = args.text("kind");
  if (kind !== undefined && !(runbookKinds as readonly string[]).includes(kind)) {
    const near = closest(kind, runbookKinds);
    throw new UsageError(
      `"${kind}" is not a kind${near ? `. Did you mean "${near}"?` : `: ${runbookKinds.join(", ")}`}`,
      `runbook list --kind ${near ?? runbookKinds[0]}`,
    );
  }
  if (runbookFiles(project).length === 0) {
    throw noRunbook(project, command.cwd);
  }
  const tag = args.text("tag");
  const stale = args.on("stale");
  const all = listRunbooks(command, systemClock().now());
  const shown = all.filter(
    (item) =>
      (kind === undefined || item.kind === kind) &&
      (tag === undefined || item.tags.includes(tag)) &&
      (!stale || item.drill?.overdue === true || item.drillUnknown),
  );
  if (output === "json") command.json({ format: "runbook.list/1.0", runbooks: shown });
  else if (shown.length > 0) command.print(text(command, shown));
  else command.say(stale ? "no drill is overdue" : "no runbook fits");
  const invalid = shown.filter((item) => item.errors > 0);
  if (invalid.length > 0) command.say(`${counted(invalid.length, "runbook")} not valid. next: runbook validate`);
  const overdue = shown.filter((item) => item.drill?.overdue === true);
  const { badLines } = readDrills(project.dir);
  if (badLines.length > 0)
    command.say(`${drillsFile}: no entry stands in line ${badLines.join(", ")}; they were left out`);
  const unknown = shown.filter((item) => item.drillUnknown);
  if (stale && overdue.length === 0 && unknown.length > 0) return exitCodes.failed;
  if (!stale || overdue.length === 0) return exitCodes.ok;
  command.say(`${counted(overdue.length, "drill")} overdue. next: runbook run ${overdue[0]?.name}`);
  return exitCodes.failed;
}

function text(command: Command, items: readonly ListedRunbook[]): string {
  const { colorOut } = command.terminal;
  const strong = (word: string) => (colorOut ? paint(word, "strong") : word);
  const heads = textTable(
    items.map((item) => [item.name, item.kind ?? "not valid", item.owner ?? "", item.title ?? ""]),
  ).split("\n");
  return items
    .flatMap((item, at) => [
      (heads[at] ?? "").replace(item.name, strong(item.name)),
      ...textTable(facts(item), "    ")
        .split("\n")
        .filter((line) => line !== ""),
    ])
    .join("\n");
}

function facts(item: ListedRunbook): string[][] {
  const rows = item.targets.map(({ target, last }) => [
    target,
    last === null ? "never ran" : `${last.result}`,
    last === null ? "" : `${formatDuration(last.ageMs)} ago`,
    last === null ? "" : last.run,
  ]);
  const { drill } = item;
  if (drill !== null) {
    const proven = drill.daysSince === 0 ? "proven today" : `proven ${counted(drill.daysSince ?? 0, "day")} ago`;
    const due = drill.lastSuccessAt === null ? "never proven" : `${proven}, due ${drill.dueAt?.slice(0, 10)}`;
    rows.push(["drill", drill.overdue ? "OVERDUE" : "in time", due]);
  }
  if (item.drillUnknown) rows.push(["drill", "UNKNOWN", "the runbook is not valid"]);
  if (item.errors > 0) rows.push([item.file, counted(item.errors, "error")]);
  return rows;
}
