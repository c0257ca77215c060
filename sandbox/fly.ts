// flyctl's command line against the sandbox. What it imitates, and how that is known: sandbox/README.md.
import { ApiError } from "./fly/api-client.ts";
import { COMMANDS, type Command, type CommandTree, isCommand } from "./fly/commands.ts";
import { DeployError, Interrupted } from "./fly/deploy.ts";
import { FlagError, type FlagSpec, parseFlags } from "./fly/flags.ts";
import { FlyError, openApi, resolveApp, type Session, UsageError } from "./fly/session.ts";

const GLOBAL_FLAGS: readonly FlagSpec[] = [
  { name: "access-token", shorthand: "t", kind: "string" },
  { name: "debug", kind: "bool" },
  { name: "verbose", kind: "bool" },
  { name: "help", shorthand: "h", kind: "bool" },
];

// cmd/root of flyctl: 127 after an interrupt, 1 for everything else that fails.
const INTERRUPTED = 127;

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = report(error);
  },
);

async function main(args: readonly string[]): Promise<number> {
  const { command, path, rest } = find(args);
  const flags = parseFlags(rest, [...command.flags, ...GLOBAL_FLAGS]);
  if (flags.bool("help") === true) {
    process.stdout.write(`Usage:\n  ${path} [flags]\n\nFlags:\n${usage(command.flags)}`);
    return 0;
  }
  const extra = flags.positional[0];
  if (flags.positional.length > (command.maxArgs ?? 0)) {
    const many =
      command.maxArgs === undefined
        ? `unknown command "${extra}" for "${path}"`
        : `accepts at most ${command.maxArgs} arg(s), received ${flags.positional.length}`;
    throw new UsageError(many, path);
  }
  const ended = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => ended.abort());
  // The reader left, as `head` does: a Go program dies of SIGPIPE then, in the middle of a deploy too.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(141));
  const session: Session = {
    flags,
    env: process.env,
    signal: ended.signal,
    stdin: readStdin,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    api: () => openApi(process.env, flags, ended.signal),
    app: () => resolveApp(process.env, flags),
  };
  try {
    await command.run(session);
    return 0;
  } catch (error) {
    if (ended.signal.aborted) return INTERRUPTED;
    throw error;
  }
}

// Walks down to the command; what follows may mix flags and arguments.
function find(args: readonly string[]): { command: Command; path: string; rest: readonly string[] } {
  let node: Command | CommandTree = COMMANDS;
  let path = "fly";
  let at = 0;
  while (!isCommand(node)) {
    const word = args[at];
    if (word === "--version" || word === "-v")
      return { command: COMMANDS["version"] as Command, path: "fly version", rest: [] };
    if (word === undefined || word === "--help" || word === "-h") {
      process.stdout.write(
        `Usage:\n  ${path} [command]\n\nAvailable Commands:\n${Object.keys(node)
          .map((name) => `  ${name}\n`)
          .join("")}`,
      );
      process.exit(0);
    }
    if (word.startsWith("-")) throw new UsageError(`unknown flag: ${word.split("=")[0]}`, path);
    const next: Command | CommandTree | undefined = Object.hasOwn(node, word) ? node[word] : undefined;
    if (next === undefined) throw new UsageError(`unknown command "${word}" for "${path}"`, path);
    node = next;
    path += ` ${word}`;
    at += 1;
  }
  return { command: node, path, rest: args.slice(at) };
}

function usage(flags: readonly FlagSpec[]): string {
  const line = ({ name, shorthand }: FlagSpec) =>
    `  ${shorthand === undefined ? "    " : `-${shorthand}, `}--${name}\n`;
  return flags.map(line).join("");
}

function report(error: unknown): number {
  if (error instanceof Interrupted) return INTERRUPTED;
  const known =
    error instanceof FlyError ||
    error instanceof DeployError ||
    error instanceof FlagError ||
    error instanceof UsageError ||
    error instanceof ApiError;
  const message = error instanceof Error ? error.message : String(error);
  const suggestion = error instanceof FlyError || error instanceof DeployError ? error.suggestion : "";
  process.stderr.write(`Error: ${message}\n${suggestion === "" ? "" : `\n${suggestion}\n`}`);
  if (error instanceof UsageError) process.stdout.write(`Run '${error.path} --help' for usage.\n\n`);
  if (!known && process.env["LOG_LEVEL"] === "debug") process.stderr.write(`${(error as Error).stack}\n`);
  return 1;
}

async function readStdin(): Promise<string> {
  let text = "";
  process.stdin.setEncoding("utf8");
  for await (const part of process.stdin) text += part;
  return text;
}
