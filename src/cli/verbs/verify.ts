/** `verify`: is this evidence complete and unchanged? Reads only the directory it is given. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { runDirectory } from "../../host/state-dir.ts";
import { type StandardCheck, type StandardName, standardNames } from "../../report/checks.ts";
import { type Verification, verifyRun } from "../../report/verify.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { findRun } from "../follow/run-lookup.ts";
import { toolVersion } from "../version.ts";

export default async function verify(command: Command): Promise<number> {
  const dir = directoryOf(command);
  const keyFile = command.args.text("key");
  const head = command.args.text("head");
  const check = standardOf(command);
  const verification = await verifyRun(dir, {
    tool: toolVersion,
    ...(check === undefined ? {} : { check }),
    ...(head === undefined ? {} : { head }),
    ...(keyFile === undefined ? {} : { key: readKey(command.cwd, keyFile) }),
  });
  if (command.output === "json") command.json(verification);
  else {
    const { ok, records, sealed, signature, signer, headHash, addendum, problems } = verification;
    const lines = [
      `${ok ? "intact" : "NOT INTACT"}  ${verification.run ?? dir}  ${records} records, ${sealed ? "sealed" : "not sealed"}, signature ${signature}${signer === null ? "" : ` (${signer})`}`,
      `  head  ${headHash}`,
      ...(addendum === null ? [] : [addendumText(addendum)]),
      ...problems.map(
        (problem) =>
          `  ${command.terminal.symbols.failed} ${problem.seq == null ? "" : `record ${problem.seq}: `}${problem.message} (${problem.code})`,
      ),
    ];
    if (ok && signature === "absent" && head === undefined) {
      lines.push("  A complete re-chaining by the owner of the files cannot be found without a signature or --head.");
    }
    if (ok && signature === "untrusted") {
      lines.push("  The signature is right in itself, but nobody said whose key it is: give --key FILE.");
    }
    if (verification.check !== null) lines.push(...checkLines(verification.check, verification.run ?? "last"));
    command.print(lines.join("\n"));
  }
  return verification.ok && verification.check?.ok !== false ? exitCodes.ok : exitCodes.failed;
}

function standardOf(command: Command): StandardName | undefined {
  const name = command.args.text("check");
  if (name === undefined) return undefined;
  const found = standardNames.find((item) => item === name);
  if (found !== undefined) return found;
  const near = closest(name, standardNames);
  throw new UsageError(
    `--check ${name}: there is no such list${near ? `. Did you mean "${near}"?` : `; there are ${standardNames.join(", ")}`}`,
    `runbook verify --check ${near ?? standardNames[0]}`,
  );
}

function addendumText({ records, headHash, signatures }: NonNullable<Verification["addendum"]>): string {
  const signed = Object.entries(signatures).flatMap(([state, count]) => (count === 0 ? [] : [`${count} ${state}`]));
  return `  addendum  ${records} records, signatures: ${signed.join(", ")}, head ${headHash}`;
}

function checkLines(check: StandardCheck, run: string): string[] {
  const lines = ["", `${check.ok ? "complete" : "INCOMPLETE"}  ${check.title}`];
  for (const item of check.fields.filter((field) => !field.present)) {
    const how = item.how?.startsWith("--") ? `runbook annotate ${run} ${item.how}` : item.how;
    lines.push(`  missing  ${item.field}: ${item.title} (${item.clause})`, `           ${item.by}: ${how}`);
  }
  const present = check.fields.length - check.missing.length;
  return [
    ...lines,
    `  ${present} of ${check.fields.length} fields are there; whether they are good is for a person to judge`,
  ];
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
