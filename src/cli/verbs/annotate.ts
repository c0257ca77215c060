/** `annotate`: adds findings, corrective actions, fields of a standard and sign-offs to a sealed run. Nothing is edited. */
import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Person } from "../../engine/events.ts";
import { exitCodes } from "../../engine/exit-codes.ts";
import { withMutex } from "../../host/claim.ts";
import { systemClock } from "../../host/clock.ts";
import { loginName } from "../../host/environment.ts";
import { type AddendumEntry, addendumFile, addendumLine, parseAction, readAddendum } from "../../report/addendum.ts";
import { statedFields } from "../../report/checks.ts";
import { loadPrivateKey, type PrivateKey } from "../../report/keys.ts";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { addendumContext } from "../execute/evidence-files.ts";
import { findRun, loadRun } from "../follow/run-lookup.ts";

export default async function annotate(command: Command): Promise<number> {
  const { stateDir } = command.project;
  const { record, runDir } = loadRun(stateDir, findRun(stateDir, command.args.words[0]));
  if (record.sealed === null) {
    throw new CommandError(
      "refused",
      `${record.run} is not sealed: it is ${record.result}; an addendum speaks about a finished run`,
      `runbook status ${record.run}`,
    );
  }
  const entries = entriesOf(command);
  const key = keyOf(command);
  const file = join(runDir, addendumFile);
  const head = `sha256:${record.headHash}`;
  const headHash = await withMutex(`addendum:${runDir}`, () => {
    const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
    try {
      const before = readAddendum(readFileSync(fd), addendumContext(runDir));
      if (before.problems.length > 0) {
        throw new CommandError("failed", before.problems.join("; "), `runbook verify ${record.run}`);
      }
      let hash = before.headHash.replace("sha256:", "");
      let seq = before.entries.length;
      const lines = entries.map((entry) => {
        const place = { seq: ++seq, at: systemClock().now().toISOString(), run: record.run, head, by: writer(key) };
        const made = addendumLine(place, entry, hash, key);
        hash = made.hash;
        return made.line;
      });
      const bytes = Buffer.from(lines.join(""));
      if (writeSync(fd, bytes) !== bytes.length) throw new CommandError("io", `${file} could not be written whole`);
      fsyncSync(fd);
      return `sha256:${hash}`;
    } finally {
      closeSync(fd);
    }
  });
  if (command.output === "json") {
    command.json({
      format: "runbook.annotated/1.0",
      run: record.run,
      added: entries.length,
      headHash,
      signed: key !== null,
    });
  } else {
    command.print(`added ${entries.length} to ${record.run}${key === null ? ", not signed" : `, signed by ${key.id}`}`);
    command.print(`  addendum head  ${headHash}`);
    command.say(`next: runbook report ${record.run}, runbook verify ${record.run}`);
  }
  return exitCodes.ok;
}

function entriesOf(command: Command): AddendumEntry[] {
  const { args } = command;
  const entries: AddendumEntry[] = [
    ...args.texts("finding").map((text) => ({ type: "finding.added" as const, text: textOf(text, "--finding") })),
    ...args.texts("action").map(actionOf),
    ...args.texts("field").map(fieldOf),
    ...args.texts("sign-off").map((role) => ({ type: "signoff.added" as const, role: textOf(role, "--sign-off") })),
  ];
  if (entries.length === 0) {
    throw new UsageError(
      "nothing to add: give --finding, --action, --field or --sign-off",
      'runbook annotate last --finding "none" --sign-off "head of operations"',
    );
  }
  return entries;
}

function textOf(text: string, flag: string): string {
  if (text.trim() === "") throw new UsageError(`${flag} is empty`, "runbook annotate --help");
  if (text.length > 10_000) throw new UsageError(`${flag}: at most 10,000 characters; keep the rest in a ticket`);
  return text.trim();
}

function actionOf(text: string): AddendumEntry {
  try {
    return parseAction(textOf(text, "--action"));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(
      `--action: ${error.message}`,
      'runbook annotate last --action "Alert on slow restores; owner: team-db; due: 2026-12-01; ticket: OPS-12"',
    );
  }
}

function fieldOf(word: string): AddendumEntry {
  const cut = word.indexOf("=");
  const name = word.slice(0, Math.max(0, cut));
  if (cut < 1) throw new UsageError(`--field ${word}: write it as NAME="…"`, "runbook annotate --help");
  if (!statedFields.includes(name)) {
    const near = closest(name, statedFields);
    throw new UsageError(
      `--field ${name}: there is no such field${near ? `. Did you mean "${near}"?` : `; there are ${statedFields.join(", ")}`}`,
      near ? `runbook annotate last --field ${near}="…"` : "runbook annotate --help",
    );
  }
  return { type: "field.added", name, text: textOf(word.slice(cut + 1), `--field ${name}`) };
}

function keyOf(command: Command): PrivateKey | null {
  const file = command.args.text("sign");
  return file === undefined ? null : loadPrivateKey(resolve(command.cwd, file));
}

function writer(key: PrivateKey | null): Person {
  const login = loginName();
  return { name: login, method: key === null ? "login" : "signature", login, keyId: key?.id ?? null, groups: [] };
}
