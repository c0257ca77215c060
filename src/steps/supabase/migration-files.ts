/**
 * The migration files of a project: `supabase/migrations/<version>_<name>.sql`, and beside them the reviewed way back,
 * `supabase/down/<version>_<name>.sql`, which the CLI knows nothing of. https://supabase.com/docs/guides/deployment/database-migrations
 */
import { join } from "node:path";
import { isTransactionControl, splitStatements } from "../postgres/statements.ts";
import { type FolderFile, readFolder } from "../probes.ts";
import { nullable, result, text } from "../schema.ts";
import { StepFailure, type StepHost } from "../step-type.ts";

export interface MigrationFile {
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  /** Hash of the file that undoes it; null = there is none. */
  readonly down: string | null;
}

export interface MigrationFolder {
  /** By version. */
  readonly files: readonly MigrationFile[];
  /** Text of the file that undoes a migration, by version. */
  readonly downs: ReadonlyMap<string, string>;
  /** What is wrong with names and texts, in words. */
  readonly problems: readonly string[];
}

/** Of an empty file. */
const exampleHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export const migrationFileSchema = result({
  version: text("The fourteen digits the name begins with.", { examples: ["20261101120000"] }),
  file: text("Name of the file.", { examples: ["20261101120000_add_orders.sql"] }),
  sha256: text("Its hash, hexadecimal.", { examples: [exampleHash] }),
  down: {
    ...nullable(text("Hash of the file of that name in `supabase/down`; null when there is none.")),
    examples: [exampleHash, null],
  },
});

const named = /^(\d{14})_[a-z0-9][a-z0-9_]*\.sql$/;

export async function readMigrations(host: StepHost, workdir: string | undefined): Promise<MigrationFolder> {
  const root = join(host.files.workDir, workdir ?? ".", "supabase");
  const ups = await readFolder(join(root, "migrations"), host.signal);
  if (ups === null) {
    throw new StepFailure("refused", "migrations-missing", `There is no folder ${join(root, "migrations")}.`, {
      facts: { folder: join(root, "migrations") },
    });
  }
  const downs = (await readFolder(join(root, "down"), host.signal)) ?? [];
  const files = ups.flatMap(({ name, sha256 }) => {
    const version = named.exec(name)?.[1];
    if (version === undefined) return [];
    return [{ version, file: name, sha256, down: downs.find((each) => each.name === name)?.sha256 ?? null }];
  });
  return {
    files: files.sort((a, b) => (a.file < b.file ? -1 : 1)),
    downs: new Map(downs.flatMap(({ name, text }) => (named.test(name) ? [[name.slice(0, 14), text] as const] : []))),
    problems: [
      ...nameProblems(ups),
      ...versionProblems(files),
      ...ups.flatMap(textProblems),
      ...downProblems(ups, downs),
    ],
  };
}

function nameProblems(files: readonly FolderFile[]): string[] {
  return files
    .filter(({ name }) => !named.test(name))
    .map(
      ({ name }) => `${name} is not named like 20260301090000_add_reviews.sql, and would be left out or sorted wrongly`,
    );
}

function versionProblems(files: readonly MigrationFile[]): string[] {
  const count = new Map<string, string[]>();
  for (const { version, file } of files) count.set(version, [...(count.get(version) ?? []), file]);
  return [...count].flatMap(([version, names]) => {
    const twice = names.length > 1 ? [`${names.join(" and ")} have one version; only one of them can be applied`] : [];
    return isTime(version)
      ? twice
      : [...twice, `${names[0]}: ${version} is no time (year, month, day, hour, minute, second)`];
  });
}

function isTime(version: string): boolean {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(version) ?? [];
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}

/** The CLI runs a file as one transaction: one that ends it half-way leaves half of itself when the rest fails. */
function textProblems({ name, text }: FolderFile): string[] {
  if (!named.test(name)) return [];
  const sql = splitStatements(text);
  if (sql.open !== null) return [`${name}, line ${sql.open.line}: ${sql.open.what} begins and never ends`];
  if (sql.statements.length === 0) return [`${name} holds no statement`];
  const control = sql.statements.find(isTransactionControl);
  if (control === undefined) return [];
  return [
    `${name}, line ${control.line}: ${control.words[0]?.toUpperCase()} inside a file that runs as one transaction would end it half-way`,
  ];
}

function downProblems(ups: readonly FolderFile[], downs: readonly FolderFile[]): string[] {
  return downs.flatMap((down) => {
    const lonely = ups.some(({ name }) => name === down.name) ? [] : [`down/${down.name} undoes no file of that name`];
    return [...lonely, ...textProblems(down).map((problem) => `down/${problem}`)];
  });
}

/** Throws when a file is not what `supabase/lint` of this run saw. */
export function refuseChanged(now: readonly MigrationFile[], seen: readonly MigrationFile[] | undefined): void {
  if (seen === undefined) return;
  const text = ({ file, sha256, down }: MigrationFile) => `${file} ${sha256} ${down}`;
  const known = new Set(seen.map(text));
  const changed = now.filter((each) => !known.delete(text(each))).map(({ file }) => file);
  const gone = [...known].map((each) => each.split(" ")[0] as string).filter((file) => !changed.includes(file));
  if (changed.length + gone.length === 0) return;
  throw new StepFailure(
    "refused",
    "files-changed",
    `The migration files are not those that were looked at before: ${[...changed, ...gone].join(", ")}. Start again.`,
    { facts: { changed, gone } },
  );
}
