/** The figures of page one: how many steps ended how, which deviations there are, how many files are named. */
import type { RunRecord, StepRecord } from "../engine/run-record.ts";
import { plural } from "./format.ts";
import { isGroup } from "./step-order.ts";
import { isFailed } from "./verdict.ts";
import type { ArtifactRow } from "./view-outcome.ts";

export function countsText(steps: readonly StepRecord[]): string {
  const leaves = steps.filter((s) => !isGroup(s, steps));
  const count = (phases: readonly string[], test: (step: StepRecord) => boolean) =>
    leaves.filter((s) => test(s) && phases.includes(s.phase)).length;
  const work = ["guards", "steps"];
  const parts = [
    `${plural(
      count(work, (s) => s.status === "succeeded"),
      "step",
    )} ok`,
    `${count(work, isFailed)} failed`,
    `${count(work, (s) => s.status === "skipped")} skipped`,
  ];
  const add = (number: number, noun: string) => {
    if (number > 0) parts.push(`${number} ${noun}`);
  };
  add(
    count(work, (s) => s.status === "undone"),
    "undone",
  );
  add(
    count(work, (s) => s.status === "indeterminate"),
    "of unknown outcome",
  );
  add(
    count(work, (s) => s.status === "waiting"),
    "waiting",
  );
  add(
    count([...work, "always"], (s) => s.status === "pending"),
    "not reached",
  );
  const cleanup = count(["always"], (s) => s.status !== "skipped" && s.status !== "pending");
  if (cleanup > 0) parts.push(`${count(["always"], (s) => s.status === "succeeded")} of ${cleanup} cleanup ok`);
  const undo = count(["rollback"], (s) => s.status !== "skipped");
  if (undo > 0) parts.push(`${count(["rollback"], (s) => s.status === "succeeded")} of ${undo} undo ok`);
  return parts.join(", ");
}

/** Page one names what was overridden, skipped or interrupted; who, when and why is in the section. */
export function deviationsText(record: RunRecord): string {
  const { deviations } = record;
  if (deviations.length === 0) return "none";
  const named = deviations.map(({ kind, step }) => {
    const words = kind.replaceAll("-", " ");
    return step === null || step === words ? words : `${words} of ${step}`;
  });
  const kinds = [...new Set(named)];
  const shown = kinds.slice(0, 5).join(", ");
  return `${plural(deviations.length, "deviation")}: ${shown}${kinds.length > 5 ? `, and ${kinds.length - 5} more` : ""}`;
}

/** Files the journal names with their digests: sealed copies, output logs, artifacts. */
export function namedFiles(record: RunRecord, steps: readonly StepRecord[], artifacts: readonly ArtifactRow[]): number {
  const files = new Set([...Object.keys(record.started.files), ...artifacts.map((a) => a.path)]);
  for (const step of steps) {
    for (const command of step.commands) {
      for (const stream of [command.end?.output.stdout, command.end?.output.stderr]) {
        if (stream && stream.file !== "") files.add(stream.file);
      }
    }
  }
  return files.size;
}

/** What the search for secrets before the verdict found; null = there was none. */
export function scanText({ scan }: RunRecord): string | null {
  if (scan === null) return null;
  const searched = `Before the verdict ${plural(scan.files, "file")} of this directory (${scan.bytes} bytes) were searched for them`;
  if (scan.problem !== null) return `${searched}, not to the end: ${scan.problem}`;
  if (scan.leaks.length === 0) return `${searched}: nothing was found`;
  return `${searched}: ${scan.leaks.map((leak) => `${leak.file} holds ${leak.secret}`).join(", ")}`;
}
