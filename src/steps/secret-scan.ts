/**
 * Looks for secrets in the files of a project. A finding is fatal and is never tried again: whoever saw the file has the
 * secret, so it must be replaced. A scan that could not be done is an ordinary failure, not a clean result.
 */
import { resolve } from "node:path";
import { globExpression } from "../util/glob.ts";
import { exitFailure } from "./command-text.ts";
import { contentOf, filesBelow } from "./file-tree.ts";
import { choice, closed, listOf, result, row, text, whole } from "./schema.ts";
import { createScanner, type Finding, type Scanner } from "./secret-rules.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";

interface ScanSpec {
  readonly files?: "tracked" | "all";
  readonly paths?: readonly string[];
  readonly exclude?: readonly string[];
  readonly maxBytes?: number;
}

interface ScanResult {
  readonly files: number;
  readonly bytes: number;
  readonly binary: number;
  readonly large: readonly string[];
  readonly findings: readonly Finding[];
  readonly rotation: readonly string[];
}

const defaultMaxBytes = 1024 * 1024;
const skippedFolders = [".git", "node_modules"];
/** What a host shows of a command's output; a longer list would be cut in silence. */
const mostListBytes = 8 * 1024 * 1024;
/** Files between two turns of the event loop. */
const filesPerTurn = 20;
const mostShown = 50;

export const secretScan = defineStepType<ScanSpec, ScanResult>({
  type: "secret-scan",
  summary:
    "Looks for secrets in the files git tracks, or in all below the folder, with secretlint's recommended rules. A finding is `fatal` and never retried; the evidence names file, line and kind, never the secret.",
  docs: "https://github.com/secretlint/secretlint/tree/master/packages/%40secretlint/secretlint-rule-preset-recommend",
  effects: "read",
  timeoutMs: 600_000,
  input: closed({
    files: choice("Which files are read, default `tracked`.", {
      tracked: "What git tracks (default).",
      all: "Every file below the folder, but for `.git` and `node_modules`.",
    }),
    paths: listOf({ type: "string", minLength: 1 }, "Only files that match one of these globs (`**`, `*`, `?`).", {
      minItems: 1,
    }),
    exclude: listOf({ type: "string", minLength: 1 }, "Not the files that match one of these globs."),
    maxBytes: whole("Larger files are not read and listed in `large`; default 1 MiB.", { minimum: 1 }),
  }),
  examples: [{ files: "tracked" }, { files: "all", paths: ["src/**"], exclude: ["**/*.snap"], maxBytes: 4_194_304 }],
  result: result({
    files: whole("Files that were read."),
    bytes: whole("Their size together."),
    binary: whole("Files that were passed over because they are no text."),
    large: listOf(text("File."), "Files that were not read because of their size."),
    findings: listOf(
      row({
        file: text("File."),
        line: whole("Line, 1-based."),
        rule: text("Rule of secretlint, such as `slack`."),
        kind: text("Kind of secret, such as `IncomingWebhook`."),
      }),
      "What was found; never the secret.",
    ),
    rotation: listOf(text("Task."), "What to do, one task per kind of secret."),
  }),
  stepKeys: ["cwd"],
  tools: ["git"],
  action: (spec) => ({
    text: `look for secrets in ${spec.files === "all" ? "all files" : "the files git tracks"}${globsText(spec)}`,
    argv: null,
  }),
  async run(spec, host) {
    const names = selected(spec, await namesOf(spec, host));
    const scanned = await scanAll(host, names, spec.maxBytes ?? defaultMaxBytes);
    const { findings, unread, ...counts } = scanned;
    const facts: ScanResult = { ...counts, findings, rotation: rotationOf(findings) };
    if (findings.length > 0) throw found(facts);
    if (unread.length > 0) {
      throw new StepFailure(
        "failed",
        "scan-incomplete",
        `${unread.length} files could not be looked at, so nothing is known of them: ${unread.slice(0, 5).join("; ")}.`,
        { facts: { unread: unread.slice(0, mostShown) }, result: facts },
      );
    }
    if (facts.files === 0) {
      throw new StepFailure("failed", "nothing-scanned", "No file was looked at; an empty scan proves nothing.", {
        result: facts,
      });
    }
    return facts;
  },
});

function globsText({ paths, exclude }: ScanSpec): string {
  const listed = (globs: readonly string[] | undefined, word: string) =>
    Array.isArray(globs) && globs.length > 0 ? `, ${word} ${globs.join(" ")}` : "";
  return `${listed(paths, "only")}${listed(exclude, "not")}`;
}

async function namesOf(spec: ScanSpec, host: StepHost): Promise<string[]> {
  if (spec.files === "all") {
    const files = filesBelow(host.files.workDir, skippedFolders);
    if (files === null) throw new StepFailure("failed", "folder-missing", `There is no folder ${host.files.workDir}.`);
    return files.map((file) => file.path);
  }
  const ended = await host.command(["git", "ls-files", "-z"], { effects: "read" });
  if (ended.exitCode !== 0) throw exitFailure("git ls-files", ended);
  if (Buffer.byteLength(ended.stdout) >= mostListBytes) {
    throw new StepFailure(
      "failed",
      "too-many-files",
      "git ls-files lists more than 8 MiB of names; scan parts with `cwd`.",
    );
  }
  return [...new Set(ended.stdout.split("\0"))].filter((name) => name !== "");
}

function selected({ paths, exclude = [] }: ScanSpec, names: readonly string[]): string[] {
  const wanted = paths?.map(globExpression);
  const unwanted = exclude.map(globExpression);
  return names.filter(
    (name) => (wanted?.some((glob) => glob.test(name)) ?? true) && !unwanted.some((glob) => glob.test(name)),
  );
}

interface Scanned extends Omit<ScanResult, "rotation"> {
  /** `path: why` */
  readonly unread: readonly string[];
}

async function scanAll(host: StepHost, names: readonly string[], maxBytes: number): Promise<Scanned> {
  const scan = await createScanner();
  const findings: Finding[] = [];
  const large: string[] = [];
  const unread: string[] = [];
  let [files, bytes, binary] = [0, 0, 0];
  for (const [index, name] of names.entries()) {
    if (index % filesPerTurn === 0) {
      await new Promise((done) => setImmediate(done));
      if (host.signal.aborted)
        throw new StepFailure("timeout", "timeout", `Only ${index} of ${names.length} files were looked at in time.`);
      host.progress(`${index} of ${names.length} files`);
    }
    try {
      const content = contentOf(resolve(host.files.workDir, name), maxBytes);
      if (content.kind === "large") large.push(name);
      if (content.kind === "binary") binary++;
      if (content.kind !== "text") continue;
      findings.push(...(await scanned(scan, name, content.text)));
      files++;
      bytes += Buffer.byteLength(content.text);
    } catch (error) {
      const why =
        error instanceof ScanError ? "the rules failed on it" : ((error as NodeJS.ErrnoException).code ?? "error");
      unread.push(`${name}: ${why}`);
    }
  }
  return { files, bytes, binary, large, findings, unread };
}

class ScanError extends Error {}

/** A rule's own error may quote what it was reading. */
async function scanned(scan: Scanner, name: string, content: string): Promise<Finding[]> {
  try {
    return await scan(name, content);
  } catch {
    throw new ScanError();
  }
}

function found(facts: ScanResult): StepFailure {
  const shown = facts.findings.slice(0, 5).map(({ file, line, rule, kind }) => `${file}:${line} ${rule} ${kind}`);
  const more = facts.findings.length > shown.length ? `; and ${facts.findings.length - shown.length} more` : "";
  return new StepFailure(
    "fatal",
    "secrets-found",
    `${facts.findings.length} secrets stand in the files: ${shown.join("; ")}${more}. Replace each at its vendor first, then take it out of the file and its history.`,
    { facts: { findings: facts.findings.slice(0, mostShown).map((each) => ({ ...each })) }, result: facts },
  );
}

/** One task per kind of secret, with every place it is in. */
function rotationOf(findings: readonly Finding[]): string[] {
  const places = new Map<string, string[]>();
  for (const { rule, kind, file, line } of findings) {
    const name = `${rule} ${kind}`;
    places.set(name, [...(places.get(name) ?? []), `${file}:${line}`]);
  }
  return [...places].map(
    ([name, at]) =>
      `Revoke the ${name} of ${at.slice(0, 10).join(", ")}${at.length > 10 ? ` and ${at.length - 10} more` : ""}, make a new one, put it into the vault and run secrets-sync.`,
  );
}
