/** What every verb gets, and how it answers. */

import { resolve } from "node:path";
import type { Arguments } from "./arguments.ts";
import { openProject, type Project, withPlugins } from "./project.ts";
import { readTerminal, type Terminal } from "./terminal.ts";

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

export function makeCommand(args: Arguments): Command {
  const cwd = resolve(args.text("dir") ?? ".");
  const terminal = readTerminal({
    color: args.text("color"),
    progress: args.text("progress"),
    noInput: args.on("no-input"),
    quiet: args.on("quiet"),
  });
  let project: Project | null = null;
  return {
    args,
    cwd,
    terminal,
    output: args.text("output") ?? args.verb.outputs?.[0] ?? "text",
    get project() {
      project ??= openProject(cwd, args.text("state-dir"));
      return project;
    },
    async loadPlugins() {
      const opened = project ?? openProject(cwd, args.text("state-dir"));
      project = await withPlugins(opened, cwd);
    },
    json: (document) => {
      process.stdout.write(`${JSON.stringify(document, null, process.stdout.isTTY ? 2 : 0)}\n`);
    },
    print: (text) => {
      process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    say: (text) => {
      if (!args.on("quiet")) process.stderr.write(`${text}\n`);
    },
  };
}
