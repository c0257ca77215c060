/** `new`: writes a runbook to begin with. Never overwrites. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import type { Target } from "../../language/config.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { fromCwd, loadProjectRunbook, refuseInvalid } from "../project/project.ts";
import { type RunbookTemplate, runbookTemplates, runbookText } from "../scaffold/runbook-templates.ts";
import { counted } from "../terminal/text-table.ts";

const namePattern = /^[a-z][a-z0-9-]{0,62}$/;

export default function newRunbook(command: Command): number {
  const { project, cwd, args } = command;
  const [name, second] = args.words;
  if (name === undefined) throw new UsageError("which name?", "runbook new my-runbook");
  if (second !== undefined) throw new UsageError("new takes one name", `runbook new ${name}`);
  if (!namePattern.test(name)) {
    const slug = name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^[^a-z]+|-+$/g, "")
      .slice(0, 63);
    throw new UsageError(
      `"${name}" is not a name: a small letter, then small letters, digits and "-"`,
      `runbook new ${slug || "my-runbook"}`,
    );
  }
  refuseInvalid(project, [], command.terminal.colorErr);
  const templateName = args.text("template") ?? "checklist";
  const template = runbookTemplates[templateName] as RunbookTemplate;
  const targets = fittingTargets(Object.values(project.config.targets), template);
  const folder = join(project.dir, "runbooks");
  const file = join(folder, `${name}.yaml`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(file, runbookText(template, name, targets), { flag: "wx", mode: 0o644 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new CommandError("refused", `${fromCwd(cwd, file)} exists and is not overwritten`, `runbook show ${name}`);
  }
  const shown = fromCwd(cwd, file);
  if (command.output === "json")
    command.json({ format: "runbook.written/1.0", files: [{ file: shown, status: "written", detail: templateName }] });
  else command.print(shown);
  if (!project.hasConfig) command.say("there is no project file yet. next: runbook init");
  const { diagnostics } = loadProjectRunbook(project, cwd, file).loaded;
  if (diagnostics.length > 0)
    command.say(`${counted(diagnostics.length, "thing")} to mend for this project. next: runbook validate ${shown}`);
  else command.say(`next: runbook plan ${name} -t ${targets[0]}`);
  return exitCodes.ok;
}

/** Targets that have what the template reads; all of them when none has, so that validate says what is missing. */
function fittingTargets(targets: readonly Target[], template: RunbookTemplate): string[] {
  const has = (target: Target, variable: string) =>
    variable in target.variables || (target.sandbox && variable === "url");
  const fitting = targets.filter((target) => template.variables.every((variable) => has(target, variable)));
  const chosen = fitting.length > 0 ? fitting : targets;
  return chosen.length > 0 ? chosen.map((target) => target.name) : ["local"];
}
