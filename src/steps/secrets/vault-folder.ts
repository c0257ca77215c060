/**
 * Names in a folder of files, the plain kind of vault. It is one only when nobody else may read its files and git does
 * not know them; a folder that breaks this is refused as a whole.
 */
import { resolve } from "node:path";
import { isSecretFile, secretsInFile } from "../../util/secret-file.ts";
import { exitFailure } from "../command-text.ts";
import { filesBelow, type TreeFile, textOf } from "../file-tree.ts";
import { StepFailure, type StepHost } from "../step-type.ts";

export interface VaultName {
  readonly name: string;
  /** Where in the vault: a file, or a path with its version. */
  readonly source: string;
  /** When the value was last changed, RFC 3339. */
  readonly changedAt: string;
}

/** Every name with the file it is in. Values are read and forgotten here. */
export async function namesInFolder(host: StepHost, folder: string): Promise<VaultName[]> {
  const root = resolve(host.files.workDir, folder);
  const all = filesBelow(root);
  if (all === null) {
    throw new StepFailure("failed", "vault-missing", `There is no folder ${root}. Make it with \`mkdir -m 700\`.`, {
      facts: { folder },
    });
  }
  const files = all.filter((file) => isSecretFile(file.path));
  refuseReadable(folder, files);
  await refuseKnownToGit(host, root, folder, files);
  const names = files.flatMap((file) => namesIn(root, file));
  refuseTwice(names);
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function namesIn(root: string, { path, modifiedAt }: TreeFile): VaultName[] {
  let found: Record<string, string>;
  try {
    found = secretsInFile(path, textOf(resolve(root, path)) ?? "");
  } catch (error) {
    // The message names the file only; a cause would quote it.
    throw new StepFailure("failed", "vault-damaged", `${(error as Error).message}. Nothing of it can be compared.`, {
      facts: { file: path },
    });
  }
  const empty = Object.keys(found).filter((name) => found[name] === "");
  if (empty.length > 0) {
    throw new StepFailure("failed", "vault-damaged", `${path} gives no value for ${empty.join(", ")}.`, {
      facts: { file: path, names: empty },
    });
  }
  return Object.keys(found).map((name) => ({ name, source: path, changedAt: modifiedAt.toISOString() }));
}

function refuseReadable(folder: string, files: readonly TreeFile[]): void {
  const open = files
    .filter((file) => file.mode !== 0o600 && file.mode !== 0o400)
    .map((file) => `${folder}/${file.path}`);
  if (open.length === 0) return;
  throw new StepFailure(
    "failed",
    "vault-readable",
    `Files of the vault must have mode 0600, and these have not: ${open.join(", ")}. Run: chmod 600 ${open.join(" ")}`,
    { facts: { files: open } },
  );
}

/** Outside a repository there is nothing that could take them in. */
async function refuseKnownToGit(
  host: StepHost,
  root: string,
  folder: string,
  files: readonly TreeFile[],
): Promise<void> {
  if (files.length === 0) return;
  const ended = await host.command(["git", "-C", root, "check-ignore", "-z", "--stdin"], {
    stdin: files.map((file) => `${file.path}\0`).join(""),
    effects: "read",
  });
  if (ended.exitCode === 128 && /not a git repository/i.test(ended.stderr)) return;
  if (ended.exitCode !== 0 && ended.exitCode !== 1) throw exitFailure("git check-ignore", ended);
  const ignored = new Set(ended.stdout.split("\0"));
  // Git does not name a file here that it tracks, whatever .gitignore says.
  const known = files.filter((file) => !ignored.has(file.path)).map((file) => `${folder}/${file.path}`);
  if (known.length === 0) return;
  throw new StepFailure(
    "failed",
    "vault-not-ignored",
    `Git does not ignore ${known.join(", ")}. Add ${folder}/ to .gitignore; what was ever committed must be replaced.`,
    { facts: { files: known } },
  );
}

function refuseTwice(names: readonly VaultName[]): void {
  const sources = new Map<string, string[]>();
  for (const { name, source } of names) sources.set(name, [...(sources.get(name) ?? []), source]);
  const twice = [...sources].filter(([, files]) => files.length > 1);
  if (twice.length === 0) return;
  const shown = twice.map(([name, files]) => `${name} in ${files.join(" and ")}`).join("; ");
  throw new StepFailure("failed", "vault-ambiguous", `The vault has a name twice: ${shown}. Keep one of them.`, {
    facts: { names: twice.map(([name]) => name) },
  });
}
