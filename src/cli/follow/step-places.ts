/** Where a step of a run stands in its runbook: file and line. */
import { dirname, join, relative } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { readSealedConfig, readSealedText } from "../../host/sealed-run.ts";
import { loadRunbook } from "../../language/load-runbook.ts";
import type { Runbook, Step } from "../../language/runbook.ts";
import type { Source } from "../../language/source.ts";
import { LineIndex } from "../../language/text-layout.ts";
import { allSteps, membersOf } from "../../plan/scope.ts";
import type { PlaceOf } from "../../report/github.ts";
import { catalogue } from "../project/catalogue.ts";

interface File {
  /** Null = it does not load, which a sealed copy always does. */
  readonly runbook: Runbook | null;
  readonly source: Source;
  readonly lines: LineIndex;
  /** How a person finds it. */
  readonly shown: string;
}

/** As `placesIn`, for a run that failed; null when nothing failed or the sealed copy cannot be read: whoever resumes is told. */
export function placesOfFailure(runDir: string, record: RunRecord): PlaceOf | null {
  if (![...record.steps.values()].some((step) => step.failure !== null)) return null;
  try {
    return placesIn(runDir, record);
  } catch {
    return null;
  }
}

/** Where the steps stand, those of used runbooks in their own files, from the workspace of CI or the working directory. */
export function placesIn(runDir: string, record: RunRecord): PlaceOf {
  const { project } = readSealedConfig(runDir);
  const from = process.env["GITHUB_WORKSPACE"] ?? process.cwd();
  const main = join(project, record.started.source.file);
  const readInclude = (name: string) => {
    const path = `includes/${name}.yaml`;
    return { path, text: readSealedText(runDir, path) };
  };
  const places = new Map<string, { readonly within: File; readonly pointer: string }>();
  const used = new Map<string, File>();
  const open = (text: string, path: string): File => {
    const { runbook, source } = loadRunbook({ file: path, text, catalogue: catalogue(), readInclude });
    return { runbook, source, lines: new LineIndex(text), shown: relative(from, path) };
  };
  const walk = (within: File, steps: readonly Step[], parent: string) => {
    for (const step of steps) {
      const path = parent === "" ? step.id : `${parent}.${step.id}`;
      const { action } = step;
      places.set(path, { within, pointer: step.pointer });
      walk(within, step.rollback, `${path}.rollback`);
      if (action.kind !== "runbook") walk(within, membersOf(step), path);
      else {
        const { name } = action;
        const inner = used.get(name) ?? open(readInclude(name).text, join(dirname(main), `${name}.yaml`));
        used.set(name, inner);
        if (inner.runbook !== null) walk(inner, allSteps(inner.runbook), path);
      }
    }
  };
  const whole = open(readSealedText(runDir, "runbook.yaml"), main);
  if (whole.runbook !== null) walk(whole, allSteps(whole.runbook), "");
  return (path) => {
    for (let at = path.replace(/\[\d+\]/g, ""); at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      const place = places.get(at);
      if (place === undefined) continue;
      const { lines, source, shown } = place.within;
      return { file: shown, line: lines.positionOf(source.rangeOf(place.pointer).start).line };
    }
    return null;
  };
}
