/** What every verb gets, and how it answers. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { printableJson } from "../util/json.ts";
import type { Arguments } from "./arguments.ts";
import { UsageError } from "./errors.ts";
import { openProject, type Project, withPlugins } from "./project/project.ts";
import { isTerminal, writeErr, writeOut } from "./terminal/standard-output.ts";
import { legible, readTerminal, type Terminal } from "./terminal/terminal.ts";
import type { Verb } from "./verbs/table.ts";
import { toolVersion } from "./version.ts";

/** The first line of everything that comes as lines. */
export function versionLine(format: string): string {
  return JSON.stringify({ type: "version", format, runbook: toolVersion });
}

export interface Command {
  readonly args: Arguments;
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly output: string;
  /** Opened at the first use: not every verb needs a project. */
  readonly project: Project;
  /** Loads the plug-ins of the project, if it names any: for verbs that read its runbooks. */
  loadPlugins(): Promise<void>;
  /** Data on stdout: one JSON document, compact when piped. */
  json(document: object): void;
  /** Text on stdout. */
  print(text: string): void;
  /** Progress and hints on stderr; silent with --quiet. */
  say(text: string): void;
}

/** A verb's function returns the exit code. */
export type VerbFunction = (command: Command) => Promise<number> | number;

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** `-o text` is what a verb prints when nothing is said, whatever its format is called. */
function outputOf({ verb, text }: Arguments): string {
  const first = verb.outputs?.[0] ?? "text";
  const asked = text("output");
  return asked === undefined || asked === "text" ? first : asked;
}

/** Whether a verb that has one document gives it as lines: what is written, and on one line what is told. */
function isOneLine(args: Arguments): boolean {
  const outputs = args.verb.outputs ?? [];
  return args.text("output") === "ndjson" && outputs.includes("json") && !outputs.includes("ndjson");
}

/** Throws `UsageError` when the verb does not print what `-o` asks for. */
export function checkOutput(command: Command, verb: Verb): void {
  const allowed = verb.outputs ?? ["text"];
  if (allowed.includes(command.output)) return;
  throw new UsageError(
    `-o ${command.output}: ${verb.name} prints ${allowed.join(", ")}`,
    `runbook ${verb.name} --help`,
  );
}

export function makeCommand(args: Arguments): Command {
  const cwd = resolve(args.text("dir") ?? ".");
  if (!isDirectory(cwd)) throw new UsageError(`-C ${args.text("dir")}: there is no such folder`, "runbook help flags");
  const terminal = readTerminal({
    color: args.text("color"),
    progress: args.text("progress"),
    noInput: args.on("no-input"),
    quiet: args.on("quiet"),
  });
  const oneLine = isOneLine(args);
  let project: Project | null = null;
  return {
    args,
    cwd,
    terminal,
    output: oneLine ? "json" : outputOf(args),
    get project() {
      project ??= openProject(cwd, args.text("state-dir"));
      return project;
    },
    async loadPlugins() {
      const opened = project ?? openProject(cwd, args.text("state-dir"));
      project = await withPlugins(opened, cwd);
    },
    json: (document) => {
      if (oneLine) writeOut(`${versionLine("format" in document ? String(document.format) : args.verb.name)}\n`);
      writeOut(`${printableJson(document, isTerminal(1) && !oneLine ? 2 : 0)}\n`);
    },
    print: (text) => {
      writeOut(text.endsWith("\n") ? text : `${text}\n`);
    },
    say: (text) => {
      if (!args.on("quiet")) writeErr(`${legible(terminal.symbols, text)}\n`);
    },
  };
}
