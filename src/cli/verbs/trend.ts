/** `trend`: how a runbook's runs develop, from the journals that are here and the register of drills. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { systemClock } from "../../host/clock.ts";
import { drillsFile } from "../../report/drills.ts";
import { trendOf } from "../../report/trend.ts";
import { trendMarkdown, trendSvg } from "../../report/trend-text.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { runFilter } from "../follow/run-filter.ts";
import { sayUnreadable } from "../follow/run-lookup.ts";
import { readDrills } from "../project/drills-file.ts";
import { pastRuns } from "../project/past-runs.ts";
import { runbookNames } from "../project/project.ts";

export default function trend(command: Command): number {
  const { project, args, output } = command;
  const name = args.words[0];
  if (name === undefined) throw new UsageError("which runbook?", "runbook list");
  const now = systemClock().now();
  const filter = runFilter(args, now);
  const { runs, unreadable } = pastRuns(project.stateDir);
  const records = runs.map((run) => run.record);
  const register = readDrills(project.dir);
  const known = new Set([
    ...runbookNames(project),
    ...records.map((record) => record.started.runbook),
    ...register.entries.map((entry) => entry.runbook),
  ]);
  if (!known.has(name)) {
    const near = closest(name, [...known]);
    throw new UsageError(
      `there is no runbook "${name}", and no run of one${near ? `. Did you mean "${near}"?` : ""}`,
      near ? `runbook trend ${near}` : "runbook list",
    );
  }
  const found = trendOf({
    runbook: name,
    records,
    register: register.entries,
    nowMs: now.getTime(),
    filter,
  });
  if (output === "json") command.json(found);
  else command.print(output === "svg" ? trendSvg(found) : trendMarkdown(found));
  if (register.badLines.length > 0) {
    command.say(`${drillsFile}: lines ${register.badLines.join(", ")} are no entries (a merge conflict?)`);
  }
  sayUnreadable(command, unreadable);
  return exitCodes.ok;
}
