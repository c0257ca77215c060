/** `show`: a runbook, or the runbook of a run with its results in place, as the document a person reads. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { RunRecord } from "../../engine/run-record.ts";
import { checkSealed } from "../../host/sealed-run.ts";
import type { Config } from "../../language/config.ts";
import type { Runbook } from "../../language/runbook.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { loadSealed } from "../execute/sealed-runbook.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";
import { procedureDocument } from "../procedure/document.ts";
import { catalogue } from "../project/catalogue.ts";
import { usePluginsOfRun } from "../project/plugins.ts";
import { findRunbook, loadProjectRunbook, refuseInvalid, runbookNames } from "../project/project.ts";
import { stepsByPath } from "../start/overrides.ts";
import { printPaged } from "../terminal/person-programs.ts";

export default async function show(command: Command): Promise<number> {
  const { project, cwd } = command;
  const word = command.args.words[0];
  if (word === undefined) throw new UsageError("which runbook or run?", "runbook list");
  const isRun = word === "last" || (/^rb-[a-z0-9]{1,6}$/.test(word) && !runbookNames(project).includes(word));
  if (isRun) {
    const { stateDir } = project;
    const { record, runDir } = loadRun(stateDir, findRun(stateDir, word));
    // The sealed copy that was executed, not the working tree's.
    checkSealed(runDir, record.started.files);
    await usePluginsOfRun(runDir, record.started.files);
    const { runbook, config } = loadSealed(runDir);
    const targets = { [config.target.name]: config.target };
    const { file } = config;
    return answer(command, { runbook, targets, file, digest: record.started.digest, record });
  }
  const path = findRunbook(project, cwd, word);
  const { loaded } = loadProjectRunbook(project, cwd, path);
  refuseInvalid(project, loaded.diagnostics, command.terminal.colorErr);
  const { targets } = project.config;
  const file = relative(project.dir, path);
  const digest = `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
  return answer(command, { runbook: loaded.runbook as Runbook, targets, file, digest, record: null });
}

interface Shown {
  readonly runbook: Runbook;
  readonly targets: Config["targets"];
  /** From the project's root. */
  readonly file: string;
  readonly digest: string;
  /** Whose results are told; null = nothing ran. */
  readonly record: RunRecord | null;
}

function answer(command: Command, { runbook, targets, file, digest, record }: Shown): number {
  const results = record?.steps ?? null;
  const markdown = procedureDocument(runbook, { catalogue: catalogue(), targets, file, results });
  if (command.output !== "json") {
    printPaged(markdown, command.terminal);
    return exitCodes.ok;
  }
  const { name, version, title, owner, kind } = runbook;
  command.json({
    format: "runbook.show/1.0",
    runbook: name,
    version,
    title,
    owner,
    kind,
    file,
    digest,
    run: record?.run ?? null,
    targets: Object.keys(runbook.targets),
    inputs: Object.entries(runbook.inputs).map(([input, { type, required, description, sensitive, ...rest }]) => ({
      name: input,
      type,
      required,
      default: rest.default ?? null,
      description,
      sensitive,
    })),
    steps: [...stepsByPath(runbook)].map(([path, step]) => ({
      path,
      title: step.title,
      type: step.action.kind === "uses" ? step.action.type : step.action.kind,
      effects: step.effects,
      status: results?.get(path)?.status ?? null,
    })),
    markdown,
  });
  return exitCodes.ok;
}
