/** `doctor`: what is missing on this machine, and what to type. Secrets are asked for and never printed. */
import { exitCodes } from "../../engine/exit-codes.ts";
import type { Runbook } from "../../language/runbook.ts";
import { inertLine } from "../../report/inert.ts";
import type { Command } from "../command.ts";
import {
  checkApprovers,
  checkClock,
  checkNode,
  checkPath,
  checkProject,
  checkSandbox,
  checkState,
  checkTerminal,
  type Finding,
} from "../doctor/machine.ts";
import { checkNeeds } from "../doctor/needs.ts";
import { findRunbook, loadProjectRunbook, refuseInvalid } from "../project/project.ts";
import { chooseTarget } from "../start/prepare.ts";
import { paint } from "../terminal/terminal.ts";
import { counted } from "../terminal/text-table.ts";

export default async function doctor(command: Command): Promise<number> {
  const { project, args } = command;
  const word = args.words[0];
  const findings: Finding[] = [
    checkNode(),
    checkState(project.stateDir),
    checkClock(project.stateDir),
    ...checkPath(),
    checkProject(project),
    ...checkApprovers(project),
    checkSandbox(project.stateDir),
    checkTerminal(command.terminal),
  ];
  if (word !== undefined) findings.push(...(await checkRunbook(command, word)));
  const ok = findings.every((item) => item.status !== "problem");
  if (command.output === "json") command.json({ format: "runbook.doctor/1.0", ok, checks: findings });
  else command.print(findings.map((item) => lineOf(command, item)).join("\n"));
  const problems = findings.filter((item) => item.status === "problem");
  command.say(ok ? "all that is required is there" : counted(problems.length, "problem"));
  return ok ? exitCodes.ok : exitCodes.failed;
}

/** With -t that target, else every target the runbook lists. */
async function checkRunbook(command: Command, word: string): Promise<Finding[]> {
  const { project, cwd, args } = command;
  const source = loadProjectRunbook(project, cwd, findRunbook(project, cwd, word));
  refuseInvalid(project, source.loaded.diagnostics, command.terminal.colorErr);
  const runbook = source.loaded.runbook as Runbook;
  const flag = args.text("target") ?? process.env["RUNBOOK_TARGET"];
  const listed = Object.keys(runbook.targets);
  const names = flag === undefined && listed.length > 1 ? listed : [chooseTarget(project, runbook, flag).name];
  const findings: Finding[] = [];
  for (const name of names)
    findings.push(...(await checkNeeds(project, runbook, chooseTarget(project, runbook, name))));
  return findings;
}

function lineOf(command: Command, { check, status, detail, next }: Finding): string {
  const { symbols, colorOut } = command.terminal;
  const mark = status === "ok" ? symbols.ok : status === "warning" ? symbols.warn : symbols.failed;
  const role = status === "ok" ? "good" : status === "warning" ? "warning" : "error";
  const shown = mark.padEnd(symbols.failed.length);
  const head = `${colorOut ? paint(shown, role) : shown} ${check.padEnd(18)} ${inertLine(detail)}`;
  return next === null ? head : `${head}\n${" ".repeat(symbols.failed.length + 20)}next: ${next}`;
}
