/**
 * `SHA256SUMS` as `sha256sum` writes and checks it: 64 hex digits, two blanks, the relative name, a newline; sorted.
 * A name with a backslash, newline or carriage return gets a backslash in front of its line and `\\`, `\n`, `\r`
 * inside: https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html
 */
import { comparePaths, digestFile, listFiles } from "./run-files.ts";

export const sumsFile = "SHA256SUMS";

/** What a machine needs while it works on a run; no part of the evidence. */
const working = new Set(["executor.json", "executor.log", "exits.ndjson", "supervisor.json", "supervisor.log"]);
const workingFolders = ["inbox/"];

/** Grows after everything else is closed and carries its own chain (`addendum.ts`). */
const addendum = "addendum.ndjson";

/** True for files that are neither listed nor missed: the machinery of a live run, and the addendum. */
export function isUnlisted(path: string): boolean {
  return path === addendum || working.has(path) || workingFolders.some((folder) => path.startsWith(folder));
}

/**
 * Path → 64 hex digits of every regular file that belongs to the evidence, `SHA256SUMS` itself excepted. Files whose digest
 * is `known` are not read again.
 */
export function digestsOf(dir: string, known: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const digests = new Map<string, string>();
  for (const { path, kind } of listFiles(dir)) {
    if (kind !== "file" || path === sumsFile || isUnlisted(path)) continue;
    digests.set(path, known.get(path) ?? digestFile(dir, path).sha256);
  }
  return digests;
}

export function formatSums(digests: ReadonlyMap<string, string>): string {
  return [...digests]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([path, digest]) => {
      const escaped = path.replace(/[\\\n\r]/g, (c) => (c === "\n" ? "\\n" : c === "\r" ? "\\r" : "\\\\"));
      return `${escaped === path ? "" : "\\"}${digest}  ${escaped}\n`;
    })
    .join("");
}

/** Null when the text is not exactly what `formatSums` writes: sorted, each name once, nothing else. */
export function parseSums(text: string): Map<string, string> | null {
  const digests = new Map<string, string>();
  for (const line of text.split("\n").slice(0, -1)) {
    const match = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line);
    if (match === null) return null;
    const name = match[3] ?? "";
    const path = match[1] === "" ? name : name.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c === "r" ? "\r" : c));
    digests.set(path, match[2] ?? "");
  }
  return formatSums(digests) === text ? digests : null;
}
