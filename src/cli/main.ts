/**
 * Entry of `runbook`. Answers `--version` and `--help` with next to nothing loaded: neither the verbs nor the streams of
 * Node, which take longer than the answer.
 */
import { exitCodes } from "../engine/exit-codes.ts";
import { writeOut } from "./terminal/standard-output.ts";
import { toolName, toolVersion } from "./version.ts";

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "--version" || argv[0] === "-V") {
    writeOut(`${toolName} ${toolVersion}\n`);
    return exitCodes.ok;
  }
  if (argv.length === 0 || argv[0] === "--help" || argv[0] === "-h") {
    const { overview } = await import("./help/help-text.ts");
    writeOut(overview());
    return argv.length === 0 ? exitCodes.usage : exitCodes.ok;
  }
  const { obey } = await import("./command-line.ts");
  return await obey(argv);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = exitCodes.internal;
  },
);
