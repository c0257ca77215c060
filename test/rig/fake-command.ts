/** A command as a verb's function gets it, without a process: what it prints is kept. */
import type { Command } from "../../src/cli/command.ts";
import { emptyConfig } from "../../src/language/load-config.ts";

export interface FakeCommand {
  readonly command: Command;
  /** What was printed on stdout. */
  readonly out: () => string;
  /** The one document of `-o json`. */
  readonly document: () => Record<string, unknown>;
}

export function fakeCommand(options: {
  readonly words?: readonly string[];
  readonly flags?: Readonly<Record<string, readonly string[]>>;
  readonly output?: string;
  readonly dir: string;
  readonly stateDir?: string;
}): FakeCommand {
  const { words = [], flags = {}, output = "text", dir } = options;
  const printed: string[] = [];
  const documents: object[] = [];
  const command = {
    args: {
      words,
      text: (name: string) => flags[name]?.at(-1),
      texts: (name: string) => flags[name] ?? [],
      on: (name: string) => (flags[name]?.length ?? 0) > 0,
    },
    cwd: dir,
    output,
    terminal: { symbols: { failed: "x" } },
    project: {
      dir,
      hasConfig: false,
      config: emptyConfig,
      configDiagnostics: [],
      stateDir: options.stateDir ?? `${dir}/state`,
      textOf: () => "",
    },
    json: (document: object) => documents.push(document),
    print: (text: string) => printed.push(text),
    say: () => {},
  };
  return {
    command: command as unknown as Command,
    out: () => printed.join("\n"),
    document: () => documents[0] as Record<string, unknown>,
  };
}
