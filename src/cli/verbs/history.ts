/** `history`: past runs, newest first, folded from their journals. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { systemClock } from "../../host/clock.ts";
import { historyTotals } from "../../report/history-totals.ts";
import { closest } from "../../util/closest.ts";
import { formatDuration } from "../../util/duration.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { runFilter } from "../follow/run-filter.ts";
import { sayUnreadable } from "../follow/run-lookup.ts";
import { agoMs, type PastRun, pastRuns } from "../project/past-runs.ts";
import { runbookNames } from "../project/project.ts";
import { totalsText } from "../terminal/history-totals-text.ts";
import { printPaged } from "../terminal/person-programs.ts";
import { counted, textTable } from "../terminal/text-table.ts";

export default function history(command: Command): number {
  const now = systemClock().now();
  const { stateDir } = command.project;
  const { runs, unreadable } = pastRuns(stateDir);
  const { chosen, window } = choose(command, runs, now);
  const totals = historyTotals(window);
  if (command.output === "json")
    command.json({ format: "runbook.history/1.0", runs: chosen.map(document), unreadable, totals });
  else if (command.args.on("totals")) command.print(totalsText(totals, command.args.text("since") ?? null));
  else if (chosen.length > 0) printPaged(textTable(chosen.map((run) => row(run, now))), command.terminal);
  else command.say(runs.length === 0 ? `no runs in ${stateDir}` : "no run fits");
  sayUnreadable(command, unreadable);
  return exitCodes.ok;
}

/** `window`: all of the runbook and time that were asked for, whatever their result: a share of some results is none. */
function choose(
  command: Command,
  runs: readonly PastRun[],
  now: Date,
): { readonly chosen: readonly PastRun[]; readonly window: readonly PastRun[] } {
  const { args } = command;
  const name = args.words[0];
  if (name !== undefined) refuseUnknown(command, name, runs);
  const { fits, isRecent, number } = runFilter(args, now);
  const window = runs
    .filter(({ record }) => name === undefined || record.started.runbook === name)
    .filter(({ record }) => isRecent(record.started.at));
  const chosen = window.filter(({ record, result }) => fits({ startedAt: record.started.at, result }));
  return { chosen: chosen.slice(0, number ?? undefined), window };
}

/** A runbook that is gone still has a history. */
function refuseUnknown(command: Command, name: string, runs: readonly PastRun[]): void {
  const names = [...new Set([...runbookNames(command.project), ...runs.map(({ record }) => record.started.runbook)])];
  if (names.includes(name)) return;
  const near = closest(name, names);
  throw new UsageError(
    `there is no runbook "${name}", and no run of one${near ? `. Did you mean "${near}"?` : ""}`,
    near ? `runbook history ${near}` : "runbook list",
  );
}

function document({ record, dir, result }: PastRun): object {
  const { started, finished } = record;
  return {
    run: record.run,
    runbook: started.runbook,
    version: started.version,
    digest: started.digest,
    target: started.target,
    result,
    exitCode: finished?.exitCode ?? null,
    exitName: finished?.exitName ?? null,
    actor: started.actor,
    startedAt: started.at,
    finishedAt: finished?.at ?? null,
    durationMs: finished?.durationMs ?? null,
    workingMs: finished?.workingMs ?? null,
    waitingMs: finished?.waitingMs ?? null,
    objectives: (finished?.objectives ?? []).map(({ name, targetMs, actualMs, met }) => ({
      name,
      targetMs,
      actualMs,
      met,
    })),
    deviations: record.deviations.length,
    dir,
  };
}

function row({ record, result }: PastRun, now: Date): string[] {
  const { started, finished } = record;
  const missed = (finished?.objectives ?? []).filter((objective) => objective.met === false);
  const notes = [
    ...missed.map((objective) => `missed ${objective.name}`),
    ...(record.deviations.length > 0 ? [counted(record.deviations.length, "deviation")] : []),
  ];
  return [
    record.run,
    result,
    started.runbook,
    started.version,
    started.target,
    `${formatDuration(agoMs(started.at, now))} ago`,
    finished === null ? "" : `took ${formatDuration(finished.durationMs)}`,
    notes.join(", "),
  ];
}
