/**
 * CM-5: the n-th system call on a file or directory of the run fails, once or from then on, injected by strace(1). No step
 * starts after the failure, the command ends as documented, and the run goes on once the fault is gone.
 */
import { basename, dirname, join } from "node:path";
import { type MatrixCase, shuffled } from "./matrix-case.ts";
import { underStrace } from "./strace.ts";
import { momentOf, violations, type Workload } from "./workload.ts";

/** Where a fault is; paths are relative to the run directory. */
const places = {
  journal: "journal.ndjson",
  run: ".",
  locks: "../../locks",
  artifacts: "artifacts",
  artifact: "artifacts/once_2",
  /** Any file: strace finds a rename by its old name only, and that is a random one. */
  anything: "",
} as const;

interface Fault {
  readonly place: keyof typeof places;
  readonly call: "write" | "fdatasync" | "fsync" | "openat" | "rename" | "mkdir" | "close";
  readonly errno: "EIO" | "ENOSPC" | "EDQUOT" | "EROFS" | "EMFILE";
  readonly nth: number;
  readonly lasting: boolean;
}

const full = ["EIO", "ENOSPC", "EDQUOT", "EROFS"] as const;
const faults: Fault[] = [
  ...every(["journal"], ["write", "fdatasync"], full, [1, 2, 3, 4, 5]),
  ...every(["journal"], ["openat"], ["EIO", "EROFS", "EMFILE"], [2]),
  ...every(["journal"], ["close"], ["EIO", "ENOSPC", "EDQUOT"], [1, 2, 3]),
  // That of the claim and of the lock; in the last segment also those of the evidence.
  ...every(["anything"], ["rename"], full, [1, 2, 3, 4, 5]),
  ...every(["artifacts", "artifact"], ["mkdir"], full, [1]),
  ...every(["run"], ["fsync"], ["EIO", "ENOSPC"], [1, 2, 3]),
  ...every(["locks", "artifacts", "artifact"], ["fsync"], ["EIO", "ENOSPC"], [1]),
];

function every(
  where: readonly Fault["place"][],
  calls: readonly Fault["call"][],
  errnos: readonly Fault["errno"][],
  nths: readonly number[],
): Fault[] {
  return where.flatMap((place) =>
    calls.flatMap((call) =>
      errnos.flatMap((errno) =>
        nths.flatMap((nth) => [false, true].map((lasting) => ({ place, call, errno, nth, lasting }))),
      ),
    ),
  );
}

/** The first ones each at another call and place. */
export function errnoCases(count: number): MatrixCase[] {
  const mixed = shuffled(faults, 5);
  const rounds = mixed.map(
    (fault, at) => mixed.slice(0, at).filter(({ call, place }) => call === fault.call && place === fault.place).length,
  );
  return mixed
    .map((fault, at) => ({ fault, round: rounds[at] ?? 0 }))
    .sort((a, b) => a.round - b.round)
    .slice(0, count)
    .map(({ fault }) => ({
      matrix: "CM-5",
      name: `${fault.errno} from ${fault.call} ${fault.nth} of ${places[fault.place] || fault.place}${fault.lasting ? " and after" : ""}`,
      run: (workload) => failCall(workload, fault),
    }));
}

async function failCall(workload: Workload, fault: Fault): Promise<string[]> {
  const { rig } = workload;
  const isAnything = fault.place === "anything";
  const run = workload.restore(isAnything ? workload.segments - 1 : 1);
  if (run === null) return ["there is no run"];
  const path = join(rig.runDir(run), places[fault.place]);
  const before = workload.journalText(run);
  workload.leaveAnswers(run);
  const when = `${fault.nth}${fault.lasting ? "+" : ""}`;
  const inject = `inject=${fault.call}:error=${fault.errno}:when=${when}`;
  const strace = ["-o", "/dev/null", ...(isAnything ? [] : ["-P", path]), "-e", `trace=${fault.call}`, "-e", inject];
  const { code, stdout, stderr } = await underStrace(workload, strace, ["resume", run, "--no-input", "-o", "json"]);
  const moment = momentOf(workload, run);
  const found: string[] = [];
  const said = `${stdout}${stderr}`;
  if (code === 9) {
    if (!said.includes(fault.errno)) found.push(`does not name ${fault.errno}: ${said}`);
    // Of a directory that a new name in it needed, or the name.
    const named = [basename(path), basename(dirname(path))].some((name) => said.includes(name));
    if (!named) found.push(`does not name the file: ${said}`);
  } else if (code !== 5 && code !== 0) found.push(`ended with ${code}: ${said}`);
  // Whatever was acknowledged before the fault is whole; what ran is at most one step ahead of it.
  const recorded = new Set(
    moment.journal
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { type: string; step?: string })
      .filter(({ type }) => type === "step.started")
      .map(({ step }) => step?.split(".").at(-1)),
  );
  for (const line of new Set(moment.ledger))
    if (!recorded.has(line)) found.push(`${line} ran without a durable intent`);
  if (!moment.journal.startsWith(before)) found.push("a record that was there is gone");
  await workload.toTheEnd(run);
  found.push(...(await violations(workload, run, [moment])));
  return found;
}
