/** `prune`: delete run directories past their retention. Says what it would do; `--yes` does it, and keeps a record of it. */
import { constants, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { claimRun, executorAlive, RunIsTaken } from "../../host/claim.ts";
import { systemClock } from "../../host/clock.ts";
import { appendLine, syncDirectory } from "../../host/durable-file.ts";
import { loginName } from "../../host/environment.ts";
import { openStateDirectory, runIdPattern } from "../../host/state-dir.ts";
import { noAddendum } from "../../report/addendum.ts";
import { loadAddendum } from "../../report/addendum-file.ts";
import { type Judged, judgeRetention } from "../../report/retention.ts";
import type { Command } from "../command.ts";
import { addendumContext } from "../execute/evidence-files.ts";
import { owesEvidence } from "../execute/evidence-owed.ts";
import { type PastRun, pastRuns } from "../project/past-runs.ts";
import { counted, textTable } from "../terminal/text-table.ts";

/** One line per deleted run, beside the runs. */
const prunedFile = "pruned.ndjson";
const halfDeleted = /^\.pruned-rb-[a-z0-9]{6}$/;

interface Outcome {
  readonly judged: Judged;
  readonly dir: string;
  /** What became of it: `past` would be deleted. */
  status: "kept" | "past" | "pruned";
  why: string | null;
}

export default async function prune(command: Command): Promise<number> {
  const { project, args } = command;
  const now = systemClock().now();
  const isReal = args.on("yes");
  const { runs, unreadable } = pastRuns(project.stateDir);
  const judged = judgeRetention(runs.map(aged), project.config.evidence.retentionMs, now.getTime());
  const outcomes = judged.map((item, index): Outcome => {
    const dir = (runs[index] as PastRun).dir;
    return { judged: item, dir, status: item.keptBecause === null ? "past" : "kept", why: item.keptBecause };
  });
  if (isReal) {
    openStateDirectory(project.stateDir);
    sweep(project.stateDir);
    for (const outcome of outcomes) if (outcome.status === "past") await remove(project.stateDir, outcome, now);
  }
  print(command, outcomes, unreadable, isReal);
  return exitCodes.ok;
}

function aged({ record, dir }: PastRun) {
  const isBusy = executorAlive(dir) || owesEvidence(dir, record);
  try {
    return { record, isBusy, addendum: loadAddendum(dir, () => addendumContext(dir)) };
  } catch {
    // Without its sealed config nobody can tell what was added to it.
    return { record, isBusy: true, addendum: noAddendum };
  }
}

/** Recorded first, then out of the way by one rename, then deleted: a crash leaves a whole run or none. */
async function remove(stateDir: string, outcome: Outcome, now: Date): Promise<void> {
  const { record, keptUntil } = outcome.judged;
  const { run, started, finished } = record;
  let release: () => void;
  try {
    release = await claimRun(outcome.dir, run, now);
  } catch (error) {
    if (!(error instanceof RunIsTaken)) throw error;
    outcome.status = "kept";
    outcome.why = "somebody began to work on it";
    return;
  }
  try {
    const line = {
      format: "runbook.pruned/1.0",
      at: now.toISOString(),
      by: loginName(),
      run,
      runbook: started.runbook,
      version: started.version,
      target: started.target,
      result: record.result,
      startedAt: started.at,
      finishedAt: finished?.at ?? null,
      keptUntil,
      headHash: `sha256:${record.headHash}`,
    };
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    appendLine(openSync(join(stateDir, prunedFile), flags, 0o600), `${JSON.stringify(line)}\n`, prunedFile);
    const runs = join(stateDir, "runs");
    const aside = join(runs, `.pruned-${run}`);
    renameSync(outcome.dir, aside);
    syncDirectory(runs);
    rmSync(aside, { recursive: true, force: true });
    outcome.status = "pruned";
  } finally {
    release();
  }
}

/** What an earlier `prune` was killed over. */
function sweep(stateDir: string): void {
  const runs = join(stateDir, "runs");
  for (const name of readdirSync(runs)) {
    if (halfDeleted.test(name) && runIdPattern.test(name.slice(".pruned-".length))) {
      rmSync(join(runs, name), { recursive: true, force: true });
    }
  }
}

function print(command: Command, outcomes: readonly Outcome[], unreadable: readonly string[], isReal: boolean): void {
  const gone = outcomes.filter((item) => item.status !== "kept");
  if (command.output === "json") {
    command.json({
      format: "runbook.prune/1.0",
      dryRun: !isReal,
      runs: outcomes.map(({ judged: { record, keptUntil }, status, why }) => ({
        run: record.run,
        runbook: record.started.runbook,
        target: record.started.target,
        result: record.result,
        finishedAt: record.finished?.at ?? null,
        keptUntil,
        status,
        why,
      })),
      unreadable,
    });
  } else if (gone.length > 0) {
    command.print(
      textTable(
        gone.map(({ judged: { record, keptUntil }, status }) => [
          status === "pruned" ? "deleted" : "would delete",
          record.run,
          record.started.runbook,
          record.started.target,
          record.result,
          `kept until ${keptUntil?.slice(0, 10)}`,
        ]),
      ),
    );
  }
  const held = outcomes.filter((item) => item.status === "kept" && item.why !== "within its retention");
  for (const { judged, why } of held) command.say(`kept ${judged.record.run}: ${why}`);
  if (unreadable.length > 0) command.say(`left alone, because their journals cannot be read: ${unreadable.join(", ")}`);
  const count = counted(gone.length, "run");
  if (isReal)
    command.say(gone.length === 0 ? "nothing is past its retention" : `${count} deleted; kept in ${prunedFile}`);
  else if (gone.length === 0) command.say("nothing is past its retention");
  else command.say(`${count} past retention; nothing was deleted. next: runbook prune --yes`);
}
