/** CM-1, CM-2, CM-3, CM-10: processes killed at named points while W20 runs or is resumed, and executors that race. */
import type { JournalRecord } from "../../src/engine/events.ts";
import type { failpoints } from "../../src/host/failpoints.ts";
import { type MatrixCase, pick, shuffled } from "./matrix-case.ts";
import { type Moment, momentOf, violations, type Workload } from "./workload.ts";

const victims = ["executor", "supervisor", "both"] as const;
type Victim = (typeof victims)[number];

/** A point, in each segment of W20: passes before there is a supervisor, and passes in all. */
type Passes = readonly (readonly [alone: number, total: number])[];

const once: Passes = [
  [1, 1],
  [1, 1],
  [1, 1],
  [1, 1],
  [1, 1],
];
const parallelSegment = 2;
const intents: Passes = [
  [1, 4],
  [1, 3],
  [1, 4],
  [1, 1],
  [1, 4],
];
/** The commands of the parallel block begin in one turn, so that their intents share one sync. */
const intentSyncs: Passes = [
  [1, 4],
  [1, 3],
  [1, 3],
  [1, 1],
  [1, 4],
];
const spawns: Passes = [
  [0, 4],
  [0, 3],
  [0, 4],
  [0, 1],
  [0, 4],
];
/** What the two steps of the parallel block record in one turn shares one sync: in segment 2 there may be one more. */
const results: Passes = [
  [2, 7],
  [3, 7],
  [3, 7],
  [3, 5],
  [3, 8],
];
const approvals: Passes = [
  [0, 1],
  [0, 1],
  [0, 1],
  [0, 1],
  [0, 0],
];
/** When the report is written, the supervisor is gone. */
const reports: Passes = [
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [1, 1],
];

/** What the executors of an undisturbed W20 pass; `passedOtherwise` compares it with what they did. */
const passes: Readonly<Record<keyof typeof failpoints, Passes>> = {
  "lock.acquired": once,
  "journal.create.before_dirsync": [
    [1, 1],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ],
  "intent.before_write": intentSyncs,
  "intent.torn": intentSyncs,
  "intent.before_sync": intentSyncs,
  "intent.after_sync": intentSyncs,
  "spawn.after_fork": spawns,
  "spawn.pid_recorded": spawns,
  "step.running": intents,
  "result.before_write": results,
  "result.torn": results,
  "result.before_sync": results,
  "result.after_sync": results,
  "approval.before_sync": approvals,
  "report.before_rename": reports,
  "report.before_dirsync": reports,
  "report.before_sums": reports,
};

/** Where the table above is not what an undisturbed run passed: a kill planned by it may never happen. */
export function passedOtherwise(workload: Workload): string[] {
  return Object.entries(passes).flatMap(([point, row]) => {
    const seen = workload.passed.map((lines) => {
      const names = lines.map((line) => line.split(" ")[0]);
      const command = names.indexOf("spawn.after_fork");
      const alone = point.startsWith("report.") ? names : names.slice(0, command);
      return [alone, names].map((list) => list.filter((name) => name === point).length);
    });
    const same = row.every(([alone, total], segment) => {
      const [before = 0, all = 0] = seen[segment] ?? [];
      return before === alone && (all === total || (segment === parallelSegment && all === total + 1));
    });
    return same ? [] : [`${point}: the table says ${JSON.stringify(row)}, a run passed it ${JSON.stringify(seen)}`];
  });
}

interface KillPoint {
  readonly point: string;
  readonly segment: number;
  readonly nth: number;
  readonly victim: Victim;
}

/** Every point × every position × every victim that is there. */
export function killPoints(): KillPoint[] {
  return Object.entries(passes).flatMap(([point, row]) =>
    row.flatMap(([alone, total], segment) =>
      Array.from({ length: total }, (_, index) => index + 1).flatMap((nth) =>
        victims
          // A torn write ends in the death of the one who writes.
          .filter((victim) => victim === "executor" || (nth > alone && !point.endsWith(".torn")))
          .map((victim) => ({ point, segment, nth, victim })),
      ),
    ),
  );
}

/** In another order, the first ones each at another point. */
function spread(points: readonly KillPoint[], seed: number): KillPoint[] {
  const mixed = shuffled(points, seed);
  const nthOfPoint = mixed.map(
    (kill, index) => mixed.slice(0, index).filter(({ point }) => point === kill.point).length,
  );
  const order = mixed.map((kill, index) => ({ kill, round: nthOfPoint[index] ?? 0 }));
  return order.sort((a, b) => a.round - b.round).map(({ kill }) => kill);
}

function environmentOf({ point, nth, victim }: Omit<KillPoint, "segment">, tornBytes = 40): Record<string, string> {
  const action = point.endsWith(".torn") ? `torn:${tornBytes}` : "kill";
  return { RUNBOOK_FAILPOINT: `${point}:${nth}=${action}`, RUNBOOK_FAILPOINT_VICTIM: victim };
}

const nameOf = ({ point, segment, nth, victim }: KillPoint) => `${victim} at ${point}:${nth}, segment ${segment}`;

/** CM-1: one kill, then resumed to the end. */
export function killCases(count: number): MatrixCase[] {
  const points = killPoints();
  // Every point first; when all are through, the positions once more with other lengths of torn writes.
  const all = spread(points, 1).concat(shuffled(points, 2));
  return all.slice(0, count).map((kill, index) => ({
    matrix: "CM-1",
    name: nameOf(kill),
    run: async (workload) => {
      const found = await killThenResume(workload, kill.segment, [environmentOf(kill, 1 + ((index * 37) % 200))]);
      return [...found, ...workload.notReached];
    },
  }));
}

/** CM-2: killed, then killed twice more while it is resumed. */
export function recoveryCases(count: number): MatrixCase[] {
  const points = shuffled(killPoints(), 3);
  // A resumed executor begins where the one before it died: the earliest passes are those it most likely makes.
  const again = shuffled(killPoints(), 4).filter(
    ({ segment, nth, victim }) => segment === 1 && nth <= (victim === "executor" ? 2 : 4),
  );
  return Array.from({ length: count }, (_, index) => {
    const first = pick(points, index);
    const second = pick(again, 2 * index);
    const third = pick(again, 2 * index + 1);
    return {
      matrix: "CM-2",
      name: [
        nameOf(first),
        `${second.victim} at ${second.point}:${second.nth}`,
        `${third.victim} at ${third.point}:${third.nth}`,
      ].join(", then "),
      run: (workload: Workload) =>
        killThenResume(
          workload,
          first.segment,
          [first, second, third].map((kill) => environmentOf(kill)),
        ),
    };
  });
}

async function killThenResume(
  workload: Workload,
  segment: number,
  environments: readonly Readonly<Record<string, string>>[],
): Promise<string[]> {
  const before = workload.restore(segment);
  const moments: Moment[] = [];
  let run = before;
  for (const [index, env] of environments.entries()) {
    if (run !== null && (workload.isOver(run) || !workload.journalText(run).includes("\n"))) {
      workload.notReached.push(`${env["RUNBOOK_FAILPOINT"]}: the run was over before`);
      continue;
    }
    workload.takeFailpointLog();
    if (index === 0 || run === null) run = (await workload.begin(run, env)).run;
    else await workload.goOn(env, run);
    workload.noteReached(env);
    moments.push(momentOf(workload, run));
  }
  if (run === null) return ["there is no run"];
  // Killed before its first record was whole: nothing ran, and there is nothing to resume.
  if (!workload.journalText(run).includes("\n")) return workload.rig.ledger();
  await workload.toTheEnd(run);
  return await violations(workload, run, moments);
}

/** Each executor of CM-3 records at least one thing that brings the run on: twice the steps of W20, and some. */
const mostExecutors = 50;

/** CM-3: every executor is killed after its n-th durable result, until the run has its verdict. */
export function alwaysCrashCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => ({
    matrix: "CM-3",
    name: `every executor killed after a record, seed ${seed}`,
    run: async (workload) => {
      workload.restore(0);
      const moments: Moment[] = [];
      let run: string | null = null;
      for (let tries = 0; ; tries++) {
        // The first is that an executor began, the second often the next intent; the third and fourth bring the run on.
        const env = { RUNBOOK_FAILPOINT: `result.after_sync:${2 + ((seed + tries) % 3)}=kill` };
        if (run === null) run = (await workload.begin(null, env)).run;
        else await workload.goOn(env, run);
        workload.noteReached(env);
        moments.push(momentOf(workload, run));
        if (workload.isOver(run)) break;
        if (tries > mostExecutors) return [`no verdict after ${tries} executors\n${workload.rig.trace(run)}`];
      }
      return await violations(workload, run, moments);
    },
  }));
}

/**
 * CM-10: several executors want one run at once. Exactly one of them runs the steps. A command that ends with 4 started
 * no executor and says why; with 5 or 0, exactly one. Who comes when the first is done finds a run that waits for its
 * next approval, looks, runs nothing and ends with 5; when the run is over, 4.
 */
export function raceCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => ({
    matrix: "CM-10",
    name: `race ${seed}`,
    run: async (workload) => {
      const segment = 1 + (seed % (workload.segments - 1));
      const run = workload.restore(segment);
      if (run === null) return ["there is no run"];
      const before = workload.rig.journal(run).length;
      const ended = await workload.race(run, 2 + (seed % 2));
      const stretches: JournalRecord[][] = [];
      for (const entry of workload.rig.journal(run).slice(before)) {
        if (entry.type === "executor.started") stretches.push([]);
        stretches.at(-1)?.push(entry);
      }
      const found: string[] = [];
      const isLast = segment === workload.segments - 1;
      const good = ended.filter(({ code }) => code === (isLast ? 0 : 5));
      if (good.length === 0 || (isLast && good.length > 1)) found.push(`${good.length} commands advanced the run`);
      for (const { code, stdout, stderr } of ended) {
        if (code === (isLast ? 0 : 5)) continue;
        const said = `${stdout}${stderr}`;
        if (code !== 4) found.push(`ended with ${code}: ${said}`);
        else if (!/is being advanced by another process|is running; |has ended as succeeded/.test(said))
          found.push(`4 without saying who has the run: ${said}`);
      }
      if (stretches.length !== good.length)
        found.push(`${stretches.length} executors for ${good.length} commands that did not end with 4`);
      const working = stretches.filter((entries) => entries.some(({ type }) => type === "step.started"));
      if (working.length !== 1) found.push(`${working.length} executors ran steps`);
      for (const entries of stretches) {
        if (!entries.some(({ type }) => type === "executor.stopped"))
          found.push("an executor began before another ended");
      }
      await workload.toTheEnd(run);
      return [...found, ...(await violations(workload, run, []))];
    },
  }));
}
