/** What a run puts into the project when it has its verdict: the register of drills, `evidence.append`, `evidence.artifactsDir`. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { RunRecord } from "../../engine/run-record.ts";
import { appendBlock, type FolderFile, placeFolder } from "../../host/project-files.ts";
import { fillPattern } from "../../language/evidence-paths.ts";
import { drillsFile } from "../../report/drills.ts";
import { blockMark, evidenceBlock, folderIndex } from "../../report/evidence-block.ts";
import type { PrivateKey } from "../../report/keys.ts";
import { runDocument } from "../../report/run-json.ts";
import { nextFor } from "../follow/run-lookup.ts";
import { appendDrill } from "../project/drills-file.ts";

/** Paths below the project that this run writes to; null = it does not. */
function publicationPaths(record: RunRecord): {
  readonly append: string | null;
  readonly folder: string | null;
} {
  const { started } = record;
  const { append = null, artifactsDir = null } = started.keeping ?? {};
  const values = {
    actor: started.actor,
    date: started.at.slice(0, "2026-01-01".length),
    run: record.run,
    runbook: started.runbook,
    target: started.target,
  };
  return {
    append: append === null ? null : fillPattern(append, values),
    folder: artifactsDir === null ? null : `${fillPattern(artifactsDir, values).replace(/\/+$/, "")}/${record.run}`,
  };
}

/**
 * Writes all of them; each may be repeated after a crash. What could not be written is returned as words: it is no
 * part of the evidence, so it changes no verdict. A refused run did nothing and leaves nothing.
 */
export async function publish(
  project: string,
  runDir: string,
  record: RunRecord,
  key: PrivateKey | null,
): Promise<string[]> {
  if (record.result === "refused") return [];
  const problems: string[] = [];
  const attempt = async (what: string, write: () => unknown) => {
    try {
      await write();
    } catch (error) {
      problems.push(`${what} was not written: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const { append, folder } = publicationPaths(record);
  const shown = relative(project, runDir);
  if (folder !== null) {
    await attempt(folder, () => placeFolder(project, folder, folderFiles(runDir, shown, record)));
  }
  if (append !== null) {
    const block = evidenceBlock(record, { runDir: shown, folder });
    await attempt(append, () => appendBlock(project, append, block, blockMark(record)));
  }
  if (record.started.keeping?.drillEveryMs != null) {
    await attempt(drillsFile, () => appendDrill(join(project, drillsFile), record, key));
  }
  return problems;
}

/** Artifacts in which a secret was found stay in the run directory, which only its owner reads. */
function folderFiles(runDir: string, shown: string, record: RunRecord): FolderFile[] {
  const leaking = new Set(record.scan?.leaks.map((leak) => leak.file));
  const artifacts = [...record.steps.values()]
    .flatMap((step) => step.artifacts.map((artifact) => artifact.path))
    .filter((path) => !leaking.has(path));
  const finished = record.finished;
  const document = runDocument(record, {
    exitCode: finished?.exitCode ?? 0,
    exitName: finished?.exitName ?? "ok",
    dir: shown,
    report: join(shown, "report.md"),
    executorAlive: false,
    interrupted: false,
    nextFor: nextFor(record),
  });
  return [
    { path: "run.json", content: `${JSON.stringify(document, null, 2)}\n` },
    { path: "index.md", content: folderIndex(record, shown) },
    ...[...new Set(artifacts)].map((path) => ({ path, content: { copyOf: join(runDir, path) } })),
  ];
}

/** What of a finished run is not where it says it would be: its executor's log says why. */
export function unpublished(project: string, record: RunRecord): string[] {
  if (record.finished === null || record.result === "refused") return [];
  const { append, folder } = publicationPaths(record);
  const missing: string[] = [];
  if (append !== null && !linesOf(join(project, append)).includes(blockMark(record))) missing.push(append);
  if (folder !== null && !existsSync(join(project, folder, "run.json"))) missing.push(folder);
  return missing;
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
