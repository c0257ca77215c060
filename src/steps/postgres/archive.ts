/**
 * What is in a dump of pg_dump's custom format, looked at before anybody trusts it. `pg_restore --list` reads the table
 * of contents only, which stands at the front: a truncated file passes it, so the data is read through as well.
 * https://www.postgresql.org/docs/current/app-pgrestore.html
 */
import { isAbsolute, join } from "node:path";
import { exitFailure } from "../command-text.ts";
import { readFileFacts } from "../probes.ts";
import { StepFailure, type StepHost } from "../step-type.ts";

export interface Archive {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly modifiedAt: Date;
  /** Version of the server it was taken from, `15.18`; empty when the dump does not say. */
  readonly serverVersion: string;
  readonly database: string;
  /** Everything that would be restored. */
  readonly entries: number;
  readonly tables: number;
  /** Tables whose rows are in it. */
  readonly tablesWithData: number;
}

/**
 * Absolute path of a file named in `with`: one that a step of this run kept (`steps.backup.artifacts["x"].path`), else
 * one relative to the working directory.
 */
export async function filePath(host: StepHost, path: string): Promise<string> {
  if (isAbsolute(path)) return path;
  const run = path.startsWith("artifacts/") ? runFolder(host) : null;
  const kept = run === null ? null : join(run, path);
  if (kept !== null && (await readFileFacts(kept, host.signal)) !== null) return kept;
  return join(host.files.workDir, path);
}

/** The run's folder, known by the folder of its sealed files; null when it has none. */
function runFolder(host: StepHost): string | null {
  try {
    return join(host.files.sealedPath("."), "..");
  } catch (error) {
    if (error instanceof StepFailure) return null;
    throw error;
  }
}

/** Throws a `failed` failure that says what is wrong: missing, empty, another format, truncated, without data. */
export async function inspectArchive(
  host: StepHost,
  path: string,
  { schemaOnly }: { readonly schemaOnly: boolean },
): Promise<Archive> {
  const facts = await readFileFacts(path, host.signal);
  const wrong = (reason: string, message: string) =>
    new StepFailure("failed", reason, `${path} ${message}`, { facts: { path, bytes: facts?.bytes ?? null } });
  if (facts === null || facts.kind !== "file" || facts.sha256 === null)
    throw wrong("archive-missing", facts === null ? "does not exist." : `is a ${facts.kind}, not a dump.`);
  if (facts.bytes === 0) throw wrong("archive-empty", "is empty: no database was dumped into it.");
  const head = await host.command(["head", "-c", "5", path], { effects: "read" });
  const format = formatOf(head.stdout);
  if (format !== "custom") {
    throw wrong("archive-format", `is ${format}, not a dump in custom format (pg_dump --format=custom).`);
  }
  const listed = await host.command(["pg_restore", "--list", path], { effects: "read", env: { LC_ALL: "C" } });
  if (listed.exitCode !== 0) throw broken(wrong, exitFailure("pg_restore --list", listed));
  const contents = contentsOf(listed.stdout);
  if (contents.entries === 0) throw wrong("archive-empty", "lists no entry: there was nothing in the database.");
  if (!schemaOnly && contents.tablesWithData === 0) {
    throw wrong(
      "archive-without-data",
      `defines ${contents.tables} tables and holds the rows of none: it was made with --schema-only, or of the wrong schema.`,
    );
  }
  const read = await host.command(["pg_restore", "--file=/dev/null", path], { effects: "read", env: { LC_ALL: "C" } });
  if (read.exitCode !== 0) throw broken(wrong, exitFailure("pg_restore, reading it through,", read));
  const { bytes, sha256, modifiedAt } = facts;
  return { path, bytes, sha256, modifiedAt, ...contents };
}

function broken(wrong: (reason: string, message: string) => StepFailure, said: StepFailure): StepFailure {
  return wrong("archive-damaged", `is truncated or damaged. ${said.message}`);
}

/** By the first five bytes, read as text. */
function formatOf(head: string): string {
  if (head === "PGDMP") return "custom";
  if (head.startsWith("\u001f")) return "compressed by gzip";
  if (/^(?:--|SET|\\|\s)/.test(head)) return "plain SQL";
  if (head.startsWith("toc.d")) return "a tar archive";
  return "something unknown";
}

/** `214; 1259 16397 TABLE public album drill` under a head of `;` lines. */
function contentsOf(list: string): Omit<Archive, "path" | "bytes" | "sha256" | "modifiedAt"> {
  const lines = list.split("\n");
  const head = (name: string) => {
    const line = lines.find((each) => each.startsWith(`;     ${name}: `));
    return line === undefined ? "" : line.slice(name.length + 8).trim();
  };
  const kinds = lines.flatMap((line) => /^\d+; \d+ \d+ ([A-Z][A-Z ]*[A-Z]) /.exec(line)?.[1] ?? []);
  return {
    serverVersion: /^[\d.]+/.exec(head("Dumped from database version"))?.[0] ?? "",
    database: head("dbname"),
    entries: kinds.length,
    tables: kinds.filter((kind) => kind === "TABLE").length,
    tablesWithData: kinds.filter((kind) => kind === "TABLE DATA").length,
  };
}
