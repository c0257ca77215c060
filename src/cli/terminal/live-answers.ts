/** What the live view prints when a person types a letter and Enter. */
import type { RunRecord } from "../../engine/run-record.ts";
import { inertLine } from "../../report/inert.ts";
import { noteLines } from "./live-layout.ts";
import type { Look } from "./live-look.ts";
import { clip } from "./text-width.ts";

const shownLogLines = 20;

/** What a person asked to see with `l`: the end of the log of every step that runs now. Stays. */
export function logLines(run: RunRecord, look: Look): string[] {
  const running = [...run.steps.values()].filter((step) => step.status === "running");
  const printed = running.map((step) => ({ step, lines: look.tail(step, shownLogLines) }));
  if (printed.every(({ lines }) => lines.length === 0))
    return noteLines(look, "pending", "quiet", "nothing printed yet");
  return printed
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ step, lines }) => [
      ...noteLines(
        look,
        "pending",
        "strong",
        `last lines of ${step.path}; all of it: runbook logs ${run.run} ${step.path}`,
      ),
      ...lines.map((line) => `    ${clip(inertLine(line), look.columns - 5, "…")}`),
    ]);
}

/** What can be typed while a run is shown. Stays. */
export function keyLines(look: Look): string[] {
  return [
    "l Enter   the last lines of what runs now",
    "? Enter   this",
    "Ctrl-C    stop after this step; again: end the step now; a third time: leave",
    "Ctrl-Z    leave the screen; fg brings it back, the run goes on meanwhile",
    "closing the terminal does not stop the run: runbook attach shows it again",
  ].flatMap((line) => noteLines(look, "pending", "quiet", line));
}
