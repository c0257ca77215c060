/** Does what the command line says; every verb is loaded when it is called. */
import { exitCodes } from "../engine/exit-codes.ts";
import { printableJson } from "../util/json.ts";
import { parseArguments } from "./arguments.ts";
import type { Command, VerbFunction } from "./command.ts";
import { UsageError } from "./errors.ts";
import { writeErr, writeOut } from "./terminal/standard-output.ts";

const load: Readonly<Record<string, () => Promise<{ readonly default: VerbFunction }>>> = {
  run: () => import("./verbs/run.ts"),
  plan: () => import("./verbs/plan.ts"),
  resume: () => import("./verbs/resume.ts"),
  attach: () => import("./verbs/attach.ts"),
  wait: () => import("./verbs/attach.ts"),
  abort: () => import("./verbs/abort.ts"),
  approve: () => import("./verbs/approve.ts"),
  reject: () => import("./verbs/approve.ts"),
  status: () => import("./verbs/status.ts"),
  show: () => import("./verbs/show.ts"),
  logs: () => import("./verbs/logs.ts"),
  list: () => import("./verbs/list.ts"),
  history: () => import("./verbs/history.ts"),
  trend: () => import("./verbs/trend.ts"),
  report: () => import("./verbs/report.ts"),
  verify: () => import("./verbs/verify.ts"),
  annotate: () => import("./verbs/annotate.ts"),
  validate: () => import("./verbs/validate.ts"),
  new: () => import("./verbs/new.ts"),
  init: () => import("./verbs/init.ts"),
  docs: () => import("./verbs/docs.ts"),
  schema: () => import("./verbs/schema.ts"),
  keys: () => import("./verbs/keys.ts"),
  prune: () => import("./verbs/prune.ts"),
  doctor: () => import("./verbs/doctor.ts"),
  completion: () => import("./verbs/completion.ts"),
  help: () => import("./verbs/help.ts"),
};

/** Verbs over the runbooks of the working tree, whose step types may come from plug-ins of the project. */
const readsRunbooks = new Set(["run", "plan", "show", "list", "validate", "new", "docs", "doctor"]);

/** A project file that cannot be read is told by the verb, which may not need it. */
function leftToTheVerb(): void {}

/** Returns the exit code. */
export async function obey(argv: readonly string[]): Promise<number> {
  if (argv[0] === "__complete") {
    const { answerScript } = await import("./help/completion-scripts.ts");
    writeOut(await answerScript(argv.slice(1)));
    return 0;
  }
  let command: Command | null = null;
  try {
    const args = parseArguments(argv);
    checkWorkingDirectory();
    if (args.on("help")) {
      const { verbHelp } = await import("./help/help-text.ts");
      writeOut(verbHelp(args.verb));
      return 0;
    }
    // Whatever umask was inherited: what this program makes, its next call must be able to read.
    process.umask(process.umask(0o077) & 0o077);
    const { checkOutput, makeCommand } = await import("./command.ts");
    command = makeCommand(args);
    checkOutput(command, args.verb);
    const verb = await load[args.verb.name]?.();
    if (verb === undefined) throw new Error(`no code for ${args.verb.name}`);
    if (readsRunbooks.has(args.verb.name)) await command.loadPlugins().catch(leftToTheVerb);
    return await verb.default(command);
  } catch (error) {
    return await fail(error, command, argv);
  }
}

/** A shell may stand in a folder that somebody removed; nothing can be found from there. */
function checkWorkingDirectory(): void {
  try {
    process.cwd();
  } catch {
    throw new UsageError("the working directory is not there any more", "cd");
  }
}

async function fail(error: unknown, command: Command | null, argv: readonly string[]): Promise<number> {
  const { describeError } = await import("./describe-error.ts");
  const described = describeError(error);
  const wantsJson =
    command?.output === "json" ||
    argv.some(
      (word, at) =>
        word === "-ojson" ||
        word === "--output=json" ||
        ((word === "-o" || word === "--output") && argv[at + 1] === "json"),
    );
  const exitCode = exitCodes[described.exitName];
  const help = command !== null && described.exitName === "usage" ? `runbook ${command.args.verb.name} --help` : null;
  const next = described.next ?? help;
  if (wantsJson) {
    const { exitName, message } = described;
    const document = described.document ?? { format: "runbook.error/1.0", exitCode, exitName, message, next };
    writeOut(`${printableJson(document)}\n`);
  }
  const text = `${described.message}\n${next ? `next: ${next}\n` : ""}`;
  const { legible } = await import("./terminal/terminal.ts");
  writeErr(command === null ? text : legible(command.terminal.symbols, text));
  if (process.env["RUNBOOK_TESTING"] === "1" && described.stack) writeErr(`${described.stack}\n`);
  return exitCode;
}
