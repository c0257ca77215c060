/** `show`: a runbook, or the runbook of a run with its results in place, as the document a person reads. */
import { relative } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { checkSealed } from "../../host/sealed-run.ts";
import type { Runbook } from "../../language/runbook.ts";
import { catalogue } from "../catalogue.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { usePluginsOfRun } from "../plugins.ts";
import { procedureDocument } from "../procedure/document.ts";
import { findRunbook, loadProjectRunbook, refuseInvalid, runbookNames } from "../project.ts";
import { findRun, loadRun } from "../run-lookup.ts";
import { loadSealed } from "../sealed-runbook.ts";

export default async function show(command: Command): Promise<number> {
  const { project, cwd } = command;
  const word = command.args.words[0];
  if (word === undefined) throw new UsageError("which runbook or run?", "runbook list");
  const isRun = word === "last" || (/^rb-[a-z0-9]{1,6}$/.test(word) && !runbookNames(project).includes(word));
  if (isRun) {
    command.print(await showRun(command, word));
    return exitCodes.ok;
  }
  const path = findRunbook(project, cwd, word);
  const source = loadProjectRunbook(project, cwd, path);
  refuseInvalid(project, source.loaded.diagnostics, command.terminal.colorErr);
  const file = relative(project.dir, path);
  command.print(
    procedureDocument(source.loaded.runbook as Runbook, {
      catalogue: catalogue(),
      targets: project.config.targets,
      file,
      results: null,
    }),
  );
  return exitCodes.ok;
}

/** The sealed copy that was executed, not the working tree's. */
async function showRun(command: Command, word: string): Promise<string> {
  const { stateDir } = command.project;
  const { record, runDir } = loadRun(stateDir, findRun(stateDir, word));
  checkSealed(runDir, record.started.files);
  await usePluginsOfRun(runDir, record.started.files);
  const { runbook, config } = loadSealed(runDir);
  return procedureDocument(runbook, {
    catalogue: catalogue(),
    targets: { [config.target.name]: config.target },
    file: config.file,
    results: record.steps,
  });
}
