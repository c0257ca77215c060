/**
 * CM-5: the n-th system call on the journal fails, once or from then on, injected by strace(1). No step starts after the
 * failure, the command ends as documented, and the run goes on once the fault is gone.
 */
import { join } from "node:path";
import { type MatrixCase, shuffled } from "./matrix-case.ts";
import { underStrace } from "./strace.ts";
import { momentOf, violations, type Workload } from "./workload.ts";

interface Fault {
  readonly call: "write" | "fdatasync" | "fsync" | "openat";
  readonly errno: "EIO" | "ENOSPC" | "EDQUOT" | "EROFS" | "EMFILE";
  readonly nth: number;
  readonly lasting: boolean;
}

const faults: Fault[] = (["write", "fdatasync", "openat"] as const).flatMap((call) =>
  (["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE"] as const)
    .filter((errno) =>
      call === "openat" ? errno === "EROFS" || errno === "EMFILE" || errno === "EIO" : errno !== "EMFILE",
    )
    .flatMap((errno) =>
      (call === "openat" ? [2] : [1, 2, 3, 4, 5]).flatMap((nth) =>
        [false, true].map((lasting) => ({ call, errno, nth, lasting })),
      ),
    ),
);

export function errnoCases(count: number): MatrixCase[] {
  return shuffled(faults, 5)
    .slice(0, count)
    .map((fault) => ({
      matrix: "CM-5",
      name: `${fault.errno} from ${fault.call} ${fault.nth}${fault.lasting ? " and after" : ""}`,
      run: (workload) => failCall(workload, fault),
    }));
}

async function failCall(workload: Workload, fault: Fault): Promise<string[]> {
  const { rig } = workload;
  const run = workload.restore(1);
  if (run === null) return ["there is no run"];
  const journal = join(rig.runDir(run), "journal.ndjson");
  const before = workload.journalText(run);
  workload.leaveAnswers(run);
  const when = `${fault.nth}${fault.lasting ? "+" : ""}`;
  const inject = `inject=${fault.call}:error=${fault.errno}:when=${when}`;
  const strace = ["-o", "/dev/null", "-P", journal, "-e", `trace=${fault.call}`, "-e", inject];
  const { code, stdout, stderr } = await underStrace(workload, strace, ["resume", run, "--no-input", "-o", "json"]);
  const moment = momentOf(workload, run);
  const found: string[] = [];
  const said = `${stdout}${stderr}`;
  if (code === 9) {
    if (!said.includes(fault.errno)) found.push(`does not name ${fault.errno}: ${said}`);
    if (!said.includes("journal.ndjson")) found.push(`does not name the file: ${said}`);
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
