/** `keys`: makes a signing key, or lists whose keys may approve. */
import { existsSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { exitCodes } from "../../engine/exit-codes.ts";
import { makeDirectory } from "../../host/durable-file.ts";
import { inertLine } from "../../report/inert.ts";
import { newKeyPair } from "../../report/keys.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { approverKeys } from "../project/approver-keys.ts";
import { ignoredByGit } from "../project/git-ignore.ts";
import { fromCwd, refuseInvalid } from "../project/project.ts";
import { textTable } from "../terminal/text-table.ts";

export default function keys(command: Command): number {
  const [what, ...rest] = command.args.words;
  if (what === "new") return newKey(command, rest);
  if (what === "list") return listKeys(command, rest);
  const near = what === undefined ? undefined : closest(what, ["new", "list"]);
  throw new UsageError(
    what === undefined ? "keys needs new or list" : `keys takes new or list, not "${what}"`,
    near === "new" ? "runbook keys new NAME" : "runbook keys list",
  );
}

function newKey(command: Command, words: readonly string[]): number {
  const name = words.join(" ").trim();
  if (name === "") throw new UsageError("whose key?", "runbook keys new operators@example");
  if (name.length > 100 || inertLine(name) !== name)
    throw new UsageError("a key's name is one line of at most 100 visible characters", "runbook keys new NAME");
  const { cwd, project } = command;
  const out = command.args.text("out");
  const file = out === undefined ? join(project.dir, "keys", `${slugOf(name)}.pem`) : resolve(cwd, out);
  const publicFile = `${file.replace(/\.pem$/, "")}.pub`;
  for (const path of [file, publicFile]) {
    if (existsSync(path)) {
      throw new CommandError(
        "refused",
        `${fromCwd(cwd, path)} exists; a key is never overwritten`,
        `runbook keys new ${quoted(name)} --out OTHER.pem`,
      );
    }
  }
  const pair = newKeyPair(name);
  makeDirectory(dirname(file));
  writeNew(file, pair.privatePem, 0o600);
  try {
    writeNew(publicFile, pair.publicLine, 0o644);
  } catch (error) {
    unlinkSync(file);
    throw error;
  }
  const keyPath = keyPathFor(project.dir, publicFile);
  const approver = `{ name: ${yamlText(name)}, key: ${yamlText(keyPath ?? pair.publicLine.split(" ")[0] ?? "")} }`;
  if (command.output === "json") {
    command.json({
      format: "runbook.key/1.0",
      name,
      id: pair.id,
      privateFile: file,
      publicFile,
      publicLine: pair.publicLine.trimEnd(),
      approver,
    });
  } else command.print(`policy:\n  approvers:\n    GROUP:\n      - ${approver}`);
  command.say(`private key  ${fromCwd(cwd, file)} (only you can read it)`);
  command.say(`public key   ${fromCwd(cwd, publicFile)}`);
  command.say(`id           ${pair.id}`);
  command.say(`Paste the lines above into ${project.hasConfig ? "" : "a "}runbook.config.yaml; name the GROUP.`);
  const inside = relative(project.dir, file);
  if (!inside.startsWith("..") && !ignoredByGit(project.dir, inside))
    command.say(`next: echo '${inside}' >> ${fromCwd(cwd, join(project.dir, ".gitignore"))}`);
  return exitCodes.ok;
}

/** Never follows a link and never replaces a file that appeared meanwhile. */
function writeNew(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { flag: "wx", mode });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError("refused", `${file} could not be written: ${why}`);
  }
}

/** `operators@example` → `operators`. */
function slugOf(name: string): string {
  const slug = (name.split("@")[0] ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return slug === "" ? "key" : slug;
}

/** Null when the file does not lie in the project: then the key itself is written into the config. */
function keyPathFor(projectDir: string, publicFile: string): string | null {
  const path = relative(projectDir, publicFile);
  return path.startsWith("..") || path.startsWith("/") ? null : path;
}

function yamlText(text: string): string {
  return /^[A-Za-z][\w@./-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

function quoted(name: string): string {
  return /^[\w@.+-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

function listKeys(command: Command, words: readonly string[]): number {
  if (words.length > 0) throw new UsageError(`keys list takes no name, not "${words[0]}"`, "runbook keys list");
  const { project } = command;
  refuseInvalid(project, [], command.terminal.colorErr);
  const approvers = approverKeys(project);
  if (command.output === "json") command.json({ format: "runbook.keys/1.0", approvers });
  else if (approvers.length > 0)
    command.print(
      textTable(approvers.map(({ group, name, key, id, problem }) => [group, name, key, id ?? `! ${problem}`])),
    );
  else command.say("nobody is listed in policy.approvers. next: runbook keys new NAME");
  return exitCodes.ok;
}
