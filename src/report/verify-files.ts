/** The files of a run directory against what the journal and `SHA256SUMS` say of them. */
import type { JournalRecord } from "../engine/events.ts";
import type { RunRecord } from "../engine/run-record.ts";
import { digestFile, type FileDigest, isInsidePath, listFiles, readRunFile } from "./run-files.ts";
import { isUnlisted, parseSums, sumsFile } from "./sums.ts";
import type { Report } from "./verify.ts";

/** Hashes each file once. `null` = missing, a link, or not readable. */
export class DigestCache {
  private readonly dir: string;
  private readonly known = new Map<string, FileDigest | null>();

  constructor(dir: string) {
    this.dir = dir;
  }

  of(path: string): FileDigest | null {
    let digest = this.known.get(path);
    if (digest === undefined) {
      try {
        digest = isInsidePath(path) ? digestFile(this.dir, path) : null;
      } catch {
        digest = null;
      }
      this.known.set(path, digest);
    }
    return digest;
  }
}

/** A file the journal speaks of; of several records that name one path the last counts. */
export interface NamedFile {
  readonly kind: "sealed-file" | "output" | "artifact" | "attachment" | "kept-tail";
  readonly sha256: string;
  /** Null = the record does not say. */
  readonly bytes: number | null;
  readonly seq: number;
}

/** Notes the files a record names: sealed copies, outputs, artifacts, attachments, torn tails that were kept. */
export function noteFiles(entry: JournalRecord, files: Map<string, NamedFile>): void {
  const note = (kind: NamedFile["kind"], path: string, sha256: string, bytes: number | null) =>
    files.set(path, { kind, sha256: sha256.replace(/^sha256:/, ""), bytes, seq: entry.seq });
  switch (entry.type) {
    case "run.started":
      for (const [path, digest] of Object.entries(entry.files)) note("sealed-file", path, digest, null);
      break;
    case "command.finished":
      for (const stream of [entry.output.stdout, entry.output.stderr]) {
        if (stream.file !== "") note("output", stream.file, stream.sha256, stream.bytes);
      }
      break;
    case "step.finished":
      for (const file of entry.artifacts) note("artifact", file.path, file.sha256, file.bytes);
      break;
    case "approval.decided":
      for (const file of entry.attachments) note("attachment", file.path, file.sha256, file.bytes);
      break;
    case "recovery.truncated":
      note("kept-tail", entry.keptAs, entry.sha256, entry.bytes);
      break;
  }
}

/** The files the journal names are there and as it says. */
export function checkNamedFiles(files: ReadonlyMap<string, NamedFile>, digests: DigestCache, report: Report): void {
  for (const [path, { kind, sha256, bytes, seq }] of files) {
    const found = digests.of(path);
    // A stream without bytes may have no file.
    if (found === null && kind === "output" && bytes === 0) continue;
    if (found === null) report(`${kind}-missing`, `${path} is missing, or no regular file of this directory`, seq);
    else if (found.sha256 !== sha256 || (bytes !== null && found.bytes !== bytes)) {
      report(`${kind}-changed`, `${path} is not what record ${seq} says`, seq);
    }
  }
}

/** The runbook that was started is the one that was sealed. */
export function checkRunbook(record: RunRecord, report: Report): void {
  if (record.started.files["runbook.yaml"] !== record.started.digest) {
    report("runbook-mismatch", "the sealed runbook.yaml is not the runbook that was started", record.started.seq);
  }
}

/** Every file is listed and unchanged; nothing else lies there. */
export function checkSums(dir: string, digests: DigestCache, sealed: boolean, report: Report): void {
  const files = listFiles(dir).filter((file) => !isUnlisted(file.path));
  for (const file of files) {
    if (file.kind === "other") report("not-a-file", `${file.path} is a link or a special file`);
  }
  if (!files.some((file) => file.path === sumsFile)) {
    if (sealed) report("sums-missing", "SHA256SUMS is missing");
    return;
  }
  let sums: Map<string, string> | null = null;
  try {
    const bytes = readRunFile(dir, sumsFile);
    const text = bytes.toString("utf8");
    sums = Buffer.from(text, "utf8").equals(bytes) ? parseSums(text) : null;
  } catch {
    // Reported as not readable, below.
  }
  if (sums === null) {
    report("sums-unreadable", "SHA256SUMS is not a sorted list of digests and names");
    return;
  }
  for (const [path, sha256] of sums) {
    const found = digests.of(path);
    if (found === null) report("file-missing", `${path} is listed in SHA256SUMS and missing`);
    else if (found.sha256 !== sha256) report("file-changed", `${path} is not what SHA256SUMS says`);
  }
  for (const { path, kind } of files) {
    if (kind === "file" && path !== sumsFile && !sums.has(path)) {
      report("file-unlisted", `${path} is not listed in SHA256SUMS: it was added later`);
    }
  }
}
