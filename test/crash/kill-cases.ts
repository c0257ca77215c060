/** CM-1, CM-2, CM-3, CM-10: processes killed at named points while W20 runs or is resumed, and executors that race. */
import type { failpoints } from "../../src/host/failpoints.ts";
import { type MatrixCase, pick, shuffled } from "./matrix-case.ts";
import { type Moment, momentOf, violations, type Workload } from "./workload.ts";

const victims = ["executor", "supervisor", "both"] as const;
type Victim = (typeof victims)[number];

/** How often an executor of each segment of W20 passes a point: its steps, and the records between them. */
const passes: Readonly<Record<keyof typeof failpoints, readonly number[]>> = {
  "lock.acquired": [1, 1, 1, 1, 1],
  "journal.create.before_dirsync": [1, 0, 0, 0, 0],
  "intent.before_write": [4, 3, 3, 1, 4],
  "intent.torn": [4, 3, 3, 1, 4],
  "intent.before_sync": [4, 3, 3, 1, 4],
  "intent.after_sync": [4, 3, 3, 1, 4],
  "spawn.after_fork": [4, 3, 4, 1, 4],
  "spawn.pid_recorded": [4, 3, 4, 1, 4],
  "step.running": [4, 3, 4, 1, 4],
  "result.before_write": [6, 5, 6, 3, 7],
  "result.torn": [6, 5, 6, 3, 7],
  "result.before_sync": [6, 5, 6, 3, 7],
  "result.after_sync": [6, 5, 6, 3, 7],
  "approval.before_sync": [1, 1, 1, 1, 0],
  "report.before_rename": [0, 0, 0, 0, 1],
  "report.before_dirsync": [0, 0, 0, 0, 1],
};

interface KillPoint {
  readonly point: string;
  readonly segment: number;
  readonly nth: number;
  readonly victim: Victim;
}

/** Every point × every position × every victim that can be there. */
export function killPoints(): KillPoint[] {
  return Object.entries(passes).flatMap(([point, counts]) =>
    counts.flatMap((count, segment) =>
      Array.from({ length: count }, (_, index) => index + 1).flatMap((nth) =>
        victims
          // A torn write ends in the death of the one who writes; before the first command there is no supervisor.
          .filter((victim) => victim === "executor" || !(point.endsWith(".torn") || /^(lock|journal)\./.test(point)))
          .map((victim) => ({ point, segment, nth, victim })),
      ),
    ),
  );
}

function environmentOf({ point, nth, victim }: Omit<KillPoint, "segment">, tornBytes = 40): Record<string, string> {
  const action = point.endsWith(".torn") ? `torn:${tornBytes}` : "kill";
  return { RUNBOOK_FAILPOINT: `${point}:${nth}=${action}`, RUNBOOK_FAILPOINT_VICTIM: victim };
}

const nameOf = ({ point, segment, nth, victim }: KillPoint) => `${victim} at ${point}:${nth}, segment ${segment}`;

/** CM-1: one kill, then resumed to the end. */
export function killCases(count: number): MatrixCase[] {
  const points = killPoints();
  // Every point first, then the positions once more with other lengths of torn writes.
  const all = shuffled(points, 1).concat(shuffled(points, 2));
  return all.slice(0, count).map((kill, index) => ({
    matrix: "CM-1",
    name: nameOf(kill),
    run: (workload) => killThenResume(workload, kill.segment, [environmentOf(kill, 1 + ((index * 37) % 200))]),
  }));
}

/** CM-2: killed, then killed twice more while it is resumed. */
export function recoveryCases(count: number): MatrixCase[] {
  const points = shuffled(killPoints(), 3);
  const again = shuffled(killPoints(), 4).filter(({ point }) => !point.startsWith("journal.create"));
  return Array.from({ length: count }, (_, index) => {
    const first = pick(points, index);
    // A resumed executor begins where the one before it died: the earliest passes are those it surely makes.
    const second = { ...pick(again, 2 * index), nth: 1 + (index % 2) };
    const third = { ...pick(again, 2 * index + 1), nth: 1 };
    return {
      matrix: "CM-2",
      name: [
        nameOf(first),
        `${second.victim} at ${second.point}:${second.nth}`,
        `${third.victim} at ${third.point}`,
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
    if (run !== null && (workload.isOver(run) || !workload.journalText(run).includes("\n"))) break;
    if (index === 0 || run === null) run = (await workload.begin(run, env)).run;
    else await workload.goOn(env, run);
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
        moments.push(momentOf(workload, run));
        if (workload.isOver(run)) break;
        if (tries > mostExecutors) return [`no verdict after ${tries} executors\n${workload.rig.trace(run)}`];
      }
      return await violations(workload, run, moments);
    },
  }));
}

/** CM-10: several executors want one run at once: exactly one advances it. */
export function raceCases(count: number): MatrixCase[] {
  return Array.from({ length: count }, (_, seed) => ({
    matrix: "CM-10",
    name: `race ${seed}`,
    run: async (workload) => {
      const run = workload.restore(1 + (seed % (workload.segments - 1)));
      if (run === null) return ["there is no run"];
      const before = workload.rig.journal(run).length;
      const ended = await workload.race(run, 2 + (seed % 2));
      const starts = workload.rig
        .journal(run)
        .slice(before)
        .filter(({ type }) => type === "executor.started").length;
      const lost = ended.filter(({ code }) => code === 4);
      const won = ended.length - lost.length;
      await workload.toTheEnd(run);
      const found = await violations(workload, run, []);
      // Who comes when the first is done finds a run that waits for the next approval, and may look at it.
      if (won === 0 || ended.some(({ code }) => code !== 0 && code !== 4 && code !== 5))
        found.push(`ended with ${ended.map(({ code }) => code).join(", ")}`);
      if (starts > won) found.push(`${starts} executors for ${won} commands that advanced the run`);
      return found;
    },
  }));
}
