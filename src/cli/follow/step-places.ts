/** Where a step of a run stands in its runbook: file and line. */
import { join, relative } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { readSealedConfig, readSealedText } from "../../host/sealed-run.ts";
import { loadRunbook } from "../../language/load-runbook.ts";
import type { Step } from "../../language/runbook.ts";
import { LineIndex } from "../../language/text-layout.ts";
import { membersOf } from "../../plan/scope.ts";
import type { PlaceOf } from "../../report/github.ts";
import { catalogue } from "../project/catalogue.ts";

/** As `placesIn`, for a run that failed; null when nothing failed or the sealed copy cannot be read: whoever resumes is told. */
export function placesOfFailure(runDir: string, record: RunRecord): PlaceOf | null {
  if (![...record.steps.values()].some((step) => step.failure !== null)) return null;
  try {
    return placesIn(runDir, record);
  } catch {
    return null;
  }
}

/** Where the steps stand in the runbook's own file, from the workspace of CI or the working directory; steps of an included runbook have no line there. */
export function placesIn(runDir: string, record: RunRecord): PlaceOf {
  const text = readSealedText(runDir, "runbook.yaml");
  const { project, file } = readSealedConfig(runDir);
  const { runbook, source } = loadRunbook({
    file,
    text,
    catalogue: catalogue(),
    readInclude: (name) => ({ path: `includes/${name}.yaml`, text: readSealedText(runDir, `includes/${name}.yaml`) }),
  });
  const lines = new LineIndex(text);
  const shown = relative(process.env["GITHUB_WORKSPACE"] ?? process.cwd(), join(project, record.started.source.file));
  const pointers = new Map<string, string>();
  const walk = (steps: readonly Step[], parent: string) => {
    for (const step of steps) {
      const path = parent === "" ? step.id : `${parent}.${step.id}`;
      pointers.set(path, step.pointer);
      walk(step.rollback, `${path}.rollback`);
      if (step.action.kind !== "runbook") walk(membersOf(step), path);
    }
  };
  if (runbook !== null) for (const phase of ["guards", "steps", "always"] as const) walk(runbook[phase], "");
  return (path) => {
    let pointer: string | undefined;
    for (
      let at = path.replace(/\[\d+\]/g, "");
      pointer === undefined && at !== "";
      at = at.slice(0, Math.max(0, at.lastIndexOf(".")))
    ) {
      pointer = pointers.get(at);
    }
    if (pointer === undefined) return null;
    return { file: shown, line: lines.positionOf(source.rangeOf(pointer).start).line };
  };
}
