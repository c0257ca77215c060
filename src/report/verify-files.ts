/** The files of a run directory against what the journal and `SHA256SUMS` say of them. */
import type { RunRecord } from "../engine/run-record.ts";
import { digestFile, type FileDigest, isInsidePath, listFiles, readRunFile } from "./run-files.ts";
import { isWorkingFile, parseSums, sumsFile } from "./sums.ts";
import type { Report } from "./verify.ts";
import { seqOf } from "./view-steps.ts";

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

/** Sealed copies, outputs, artifacts and kept torn tails: the journal holds their digests. */
export function checkJournalFiles(
  record: RunRecord,
  kept: readonly { readonly seq: number; readonly path: string; readonly sha256: string }[],
  digests: DigestCache,
  report: Report,
): void {
  const compare = (what: string, path: string, sha256: string, seq: number | null, bytes?: number) => {
    const found = digests.of(path);
    if (found === null) report(`${what}-missing`, `${path} is missing, or no regular file of this directory`, seq);
    else if (found.sha256 !== sha256.replace(/^sha256:/, "") || (bytes !== undefined && found.bytes !== bytes)) {
      report(`${what}-changed`, `${path} is not what record ${seq} says`, seq);
    }
  };
  const startSeq = seqOf(record.started);
  for (const [path, digest] of Object.entries(record.started.files)) compare("sealed-file", path, digest, startSeq);
  const sealedRunbook = record.started.files["runbook.yaml"];
  if (sealedRunbook !== record.started.digest) {
    report("runbook-mismatch", "the sealed runbook.yaml is not the runbook that was started", startSeq);
  }
  for (const { seq, path, sha256 } of kept) compare("kept-tail", path, sha256, seq);
  for (const step of record.steps.values()) {
    for (const { end } of step.commands) {
      if (end === null) continue;
      for (const stream of [end.output.stdout, end.output.stderr]) {
        // A stream without bytes may have no file.
        if (stream.file === "" || (stream.bytes === 0 && digests.of(stream.file) === null)) continue;
        compare("output", stream.file, stream.sha256, seqOf(end), stream.bytes);
      }
    }
    for (const artifact of step.artifacts) {
      compare("artifact", artifact.path, artifact.sha256, step.seqs.at(-1) ?? null, artifact.bytes);
    }
    if (step.approval === null) continue;
    const { request, decisions } = step.approval;
    for (const decision of decisions) {
      for (const file of decision.attachments) compare("attachment", file.path, file.sha256, decision.seq, file.bytes);
      if (decision.decision === "approved" && decision.shownDigest !== request.shownDigest) {
        report("approval-mismatch", `step ${step.path}: what was approved is not what was asked`, decision.seq);
      }
    }
  }
}

/** Every file is listed and unchanged; nothing else lies there. */
export function checkSums(dir: string, digests: DigestCache, sealed: boolean, report: Report): void {
  const files = listFiles(dir).filter((file) => !isWorkingFile(file.path));
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
