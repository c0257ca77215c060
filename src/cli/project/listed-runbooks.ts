/** What `list` tells about each runbook. */
import type { RunResult } from "../../engine/events.ts";
import type { Runbook } from "../../language/runbook.ts";
import { type DrillRegister, drillStates } from "../../report/drills.ts";
import { isObject } from "../../util/json.ts";
import type { Command } from "../command.ts";
import { readDrills } from "./drills-file.ts";
import { agoMs, type PastRun, pastRuns } from "./past-runs.ts";
import { fromCwd, loadProjectRunbook, runbookFiles } from "./project.ts";

/** An item of `runbook.list/1.0`. Null where a runbook that is not valid does not say. */
export interface ListedRunbook {
  readonly name: string;
  /** Relative to where the command runs. */
  readonly file: string;
  readonly version: string | null;
  readonly title: string | null;
  readonly owner: string | null;
  readonly kind: string | null;
  readonly tags: readonly string[];
  readonly errors: number;
  readonly targets: readonly {
    readonly target: string;
    readonly protected: boolean;
    readonly last: LastRun | null;
  }[];
  readonly drill: Drill | null;
  /** It says `drill:`, and is not valid: nobody knows whether it is due. */
  readonly drillUnknown: boolean;
}

interface LastRun {
  readonly run: string;
  readonly result: RunResult;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Since its start, milliseconds. */
  readonly ageMs: number;
}

interface Drill {
  readonly everyMs: number;
  readonly lastSuccessAt: string | null;
  /** Null = never succeeded: due now. */
  readonly dueAt: string | null;
  readonly overdue: boolean;
  /** Whole days since it was last proven; null = never. */
  readonly daysSince: number | null;
}

export function listRunbooks(command: Command, now: Date): ListedRunbook[] {
  const { project, cwd } = command;
  const { runs } = pastRuns(project.stateDir);
  const register = readDrills(project.dir);
  return runbookFiles(project).map((path) => {
    const { loaded } = loadProjectRunbook(project, cwd, path);
    const name = nameOf(path);
    const own = runs.filter(({ record }) => record.started.runbook === (loaded.runbook?.name ?? name));
    const header = headerOf(loaded.source.data);
    const targets = loaded.runbook === null ? [] : Object.keys(loaded.runbook.targets);
    return {
      name,
      file: fromCwd(cwd, path),
      version: header("version"),
      title: header("title"),
      owner: header("owner"),
      kind: header("kind"),
      tags: loaded.runbook?.tags ?? [],
      errors: loaded.diagnostics.filter((item) => item.severity === "error").length,
      targets: targets.map((target) => ({
        target,
        protected: project.config.targets[target]?.protected ?? false,
        last: lastOf(
          own.find(({ record }) => record.started.target === target),
          now,
        ),
      })),
      drill: loaded.runbook === null ? null : drillOf(loaded.runbook, targets, own, register, now),
      drillUnknown: loaded.runbook === null && isObject(loaded.source.data) && "drill" in loaded.source.data,
    };
  });
}

function nameOf(path: string): string {
  return (path.split("/").at(-1) ?? "").replace(/\.ya?ml$/, "");
}

/** Texts of the header, also of a runbook that is not valid further down. */
function headerOf(data: unknown): (key: string) => string | null {
  return (key) => {
    const value = data !== null && typeof data === "object" ? (data as Record<string, unknown>)[key] : undefined;
    return typeof value === "string" ? value : null;
  };
}

function lastOf(run: PastRun | undefined, now: Date): LastRun | null {
  if (run === undefined) return null;
  const { record, result } = run;
  const { at } = record.started;
  return { run: record.run, result, startedAt: at, finishedAt: record.finished?.at ?? null, ageMs: agoMs(at, now) };
}

/** A success on any listed target proves the drill, here or by the register, which a clean checkout has too. */
function drillOf(
  runbook: Runbook,
  targets: readonly string[],
  own: readonly PastRun[],
  register: DrillRegister,
  now: Date,
): Drill | null {
  const everyMs = runbook.drillEveryMs;
  if (everyMs === null) return null;
  const runs = own.map(({ record, result }) => ({
    run: record.run,
    runbook: runbook.name,
    target: record.started.target,
    result,
    finishedAt: record.finished?.at ?? record.started.at,
  }));
  const need = { runbook: runbook.name, everyMs, targets };
  const [state] = drillStates([need], [...register.entries, ...runs], now.getTime());
  if (state === undefined) return null;
  const { lastSuccessAt, dueAt, overdue, daysSince } = state;
  return { everyMs, lastSuccessAt, dueAt, overdue, daysSince };
}
