/** `verify`: is this evidence complete and unchanged? Reads only the directory it is given. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { runDirectory } from "../../host/state-dir.ts";
import { verifyRun } from "../../report/verify.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { findRun } from "../run-lookup.ts";
import { toolVersion } from "../version.ts";

export default async function verify(command: Command): Promise<number> {
  const dir = directoryOf(command);
  const keyFile = command.args.text("key");
  const head = command.args.text("head");
  const verification = await verifyRun(dir, {
    tool: toolVersion,
    ...(head === undefined ? {} : { head }),
    ...(keyFile === undefined ? {} : { key: readKey(command.cwd, keyFile) }),
  });
  if (command.output === "json") command.json(verification);
  else {
    const { ok, records, sealed, signature, headHash, problems } = verification;
    const lines = [
      `${ok ? "intact" : "NOT INTACT"}  ${verification.run ?? dir}  ${records} records, ${sealed ? "sealed" : "not sealed"}, signature ${signature}`,
      `  head  ${headHash}`,
      ...problems.map(
        (problem) =>
          `  ${command.terminal.symbols.failed} ${problem.seq == null ? "" : `record ${problem.seq}: `}${problem.message} (${problem.code})`,
      ),
    ];
    if (ok && signature === "absent" && head === undefined) {
      lines.push("  A complete re-chaining by the owner of the files cannot be found without a signature or --head.");
    }
    command.print(lines.join("\n"));
  }
  return verification.ok ? exitCodes.ok : exitCodes.failed;
}

function directoryOf(command: Command): string {
  const word = command.args.words[0];
  const path = resolve(command.cwd, word ?? "");
  if (word !== undefined && existsSync(path) && statSync(path).isDirectory()) return path;
  return runDirectory(command.project.stateDir, findRun(command.project.stateDir, word));
}

function readKey(cwd: string, file: string): string {
  try {
    return readFileSync(resolve(cwd, file), "utf8");
  } catch {
    throw new UsageError(`--key ${file}: there is no such file`);
  }
}
