/**
 * Is a run directory complete and unchanged? Reads only that directory, needs no network and no project, and looks at
 * everything rather than stopping at the first fault. What it can prove and what not is in `docs/evidence-format.md`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JournalRecord } from "../engine/events.ts";
import { RunFold } from "../engine/fold.ts";
import type { RunRecord } from "../engine/run-record.ts";
import { JournalReader } from "../util/journal-line.ts";
import { isObject, type JsonObject } from "../util/json.ts";
import { type Addendum, noAddendum } from "./addendum.ts";
import { approverKeysOf, givenKeys, loadAddendum } from "./addendum-file.ts";
import { checkStandard, type StandardCheck, type StandardName } from "./checks.ts";
import { evidenceFile } from "./evidence.ts";
import { htmlDocument } from "./html.ts";
import { markdownDocument } from "./markdown.ts";
import { fileChunks, readRunFile } from "./run-files.ts";
import { sumsFile } from "./sums.ts";
import type { Document } from "./text-sink.ts";
import { ApprovalCheck, policyKeys } from "./verify-approvals.ts";
import { checkEvidence, type SignatureState } from "./verify-evidence.ts";
import { checkNamedFiles, checkRunbook, checkSums, DigestCache, type NamedFile, noteFiles } from "./verify-files.ts";
import { reportView } from "./view.ts";

export interface Problem {
  /** Kebab-case, stable: `record-altered`, `file-changed`, `unsealed`. */
  readonly code: string;
  /** The journal record it concerns; null = none in particular. */
  readonly seq: number | null;
  readonly message: string;
}

export interface Verification {
  readonly format: "runbook.verification/1.0";
  readonly run: string | null;
  readonly ok: boolean;
  /** Good records. */
  readonly records: number;
  readonly sealed: boolean;
  readonly signature: SignatureState;
  /** `sha256:…` of the last good record. */
  readonly headHash: string;
  /** The record whose hash the given head is; null = no head was given, or none is. */
  readonly anchoredSeq: number | null;
  /** The signer that evidence.json names, whatever that is worth; null = unsigned. */
  readonly signer: string | null;
  /** What people added after the seal; null = nothing. */
  readonly addendum: null | {
    readonly records: number;
    readonly headHash: string;
    readonly signatures: Readonly<Record<SignatureState, number>>;
  };
  /** What a standard asks for and what of it is there; null = none was named, or there is no readable run. */
  readonly check: StandardCheck | null;
  readonly problems: readonly Problem[];
}

export interface VerifyOptions {
  readonly check?: StandardName;
  /** A head hash kept elsewhere, `sha256:…`: it has to be that of a record of this journal. */
  readonly head?: string;
  /** Text of a public key file: who has to have signed. */
  readonly key?: string;
  /** This tool as `run.started` names it. Reports of the same version are rendered again and compared. */
  readonly tool?: string;
}

/** The directory holds nothing of a run. Exit 2. */
export class NotARun extends Error {
  constructor(dir: string) {
    super(`${dir} is not a run directory: there is no journal.ndjson in it`);
    this.name = "NotARun";
  }
}

const journalFile = "journal.ndjson";

/** Throws `NotARun` and nothing else; whatever is wrong with a run is a problem in the result. */
export async function verifyRun(dir: string, options: VerifyOptions = {}): Promise<Verification> {
  const problems: Problem[] = [];
  const report = (code: string, message: string, seq: number | null = null) => problems.push({ code, seq, message });
  if (![journalFile, sumsFile, evidenceFile].some((name) => existsSync(join(dir, name)))) throw new NotARun(dir);
  const journal = readAll(dir, options.head, report);
  const digests = new DigestCache(dir);
  let signature: SignatureState = "absent";
  let signer: string | null = null;
  let addendum = noAddendum;
  try {
    checkNamedFiles(journal.files, digests, report);
    const config = parsedObject(textOf(dir, "config.json", digests));
    const { target = "", planDigest = "", protected: isProtected = false } = journal.record?.started ?? {};
    const rules = { run: journal.run ?? "", target, planDigest, protected: isProtected, keys: policyKeys(config) };
    journal.approvals.check(rules, report);
    if (journal.record !== null) checkRunbook(journal.record, report);
    checkSums(dir, digests, journal.sealed, report);
    const evidence = checkEvidence({ dir, digests, report, options, record: journal.record, sealed: journal.sealed });
    signature = evidence.signature;
    signer = evidence.signer;
    addendum = checkAddendum(dir, journal, config, options.key, report);
    if (journal.record !== null && journal.sealed) {
      await checkReports(dir, journal.record, config, options.tool, digests, report);
    }
  } catch (error) {
    // A journal whose hashes are right may still say nonsense when somebody wrote all of it anew.
    report("unreadable", `the evidence cannot be read: ${(error as Error).message}`);
  }
  return {
    format: "runbook.verification/1.0",
    run: journal.run,
    ok: problems.length === 0,
    records: journal.records,
    sealed: journal.sealed,
    signature,
    headHash: `sha256:${journal.headHash}`,
    anchoredSeq: journal.anchoredSeq,
    signer,
    addendum: addendum.entries.length === 0 ? null : { ...addendumSummary(addendum) },
    check:
      options.check === undefined || journal.record === null
        ? null
        : checkStandard(options.check, journal.record, addendum),
    problems,
  };
}

function addendumSummary({ entries, headHash }: Addendum): NonNullable<Verification["addendum"]> {
  const signatures = { valid: 0, untrusted: 0, absent: 0, invalid: 0 };
  for (const entry of entries) signatures[entry.signatureState]++;
  return { records: entries.length, headHash, signatures };
}

/** The addendum against the seals of the journal; trusted are the sealed config's approvers and the given key. */
function checkAddendum(
  dir: string,
  journal: JournalState,
  config: JsonObject | null,
  key: string | undefined,
  report: Report,
): Addendum {
  const { run, seals } = journal;
  const addendum = loadAddendum(dir, () => ({ run, seals, keys: [...approverKeysOf(config), ...givenKeys(key)] }));
  for (const problem of addendum.problems) report("addendum-altered", problem);
  return addendum;
}

export type Report = (code: string, message: string, seq?: number | null) => void;

interface JournalState {
  readonly record: RunRecord | null;
  readonly run: string | null;
  readonly records: number;
  readonly headHash: string;
  readonly sealed: boolean;
  readonly anchoredSeq: number | null;
  readonly approvals: ApprovalCheck;
  /** Hashes of its `run.sealed` records. */
  readonly seals: ReadonlySet<string>;
  /** By path. */
  readonly files: ReadonlyMap<string, NamedFile>;
}

function readAll(dir: string, head: string | undefined, report: Report): JournalState {
  const reader = new JournalReader<JournalRecord>();
  const anchor = head?.replace(/^sha256:/, "").toLowerCase();
  const files = new Map<string, NamedFile>();
  const approvals = new ApprovalCheck();
  const seals = new Set<string>();
  const fold = new RunFold();
  let isFolding = true;
  let anchoredSeq: number | null = null;
  let beforeLast = "";
  let last: JournalRecord | null = null;
  const take = (entry: JournalRecord) => {
    if (entry.type === "run.sealed") seals.add(entry.hash);
    if (entry.hash === anchor) anchoredSeq = entry.seq;
    beforeLast = last?.hash ?? "";
    last = entry;
    if (!isFolding) return;
    try {
      fold.take(entry);
      noteFiles(entry, files);
      approvals.take(entry);
    } catch (error) {
      isFolding = false;
      report("record-unreadable", `record ${entry.seq} cannot be understood: ${(error as Error).message}`, entry.seq);
    }
  };
  try {
    for (const chunk of fileChunks(dir, journalFile)) {
      reader.push(chunk, take);
    }
  } catch (error) {
    report("journal-missing", `journal.ndjson cannot be read: ${(error as Error).message}`);
  }
  const { torn, bad } = reader.end();
  if (bad !== null) report("record-altered", `record ${bad.seq} at byte ${bad.offset}: ${bad.reason}`, bad.seq);
  if (torn !== null) {
    const seq = reader.lastSeq + 1;
    report("torn-tail", `${torn.bytes} bytes at the end are no whole record ${seq}: a write was cut off`, seq);
  }
  const damaged = bad !== null || torn !== null;
  const sealed = !damaged && checkSeal(last, beforeLast, reader.lastSeq, report);
  if (anchor !== undefined && anchoredSeq === null) {
    report(
      "head-mismatch",
      `no record of this journal has the hash sha256:${anchor}: it is not the journal that was anchored`,
    );
  }
  return {
    record: isFolding ? fold.record : null,
    run: (last as JournalRecord | null)?.run ?? null,
    records: reader.lastSeq,
    headHash: reader.headHash,
    sealed,
    anchoredSeq,
    files,
    approvals,
    seals,
  };
}

/** Without the closing record nobody knows whether records behind the last one were cut off. */
function checkSeal(last: JournalRecord | null, beforeLast: string, lastSeq: number, report: Report): boolean {
  if (last?.type !== "run.sealed") {
    report("unsealed", "the last record is no seal: the run is not finished, or its end was cut off", lastSeq || null);
    return false;
  }
  if (last.records !== last.seq || last.headHash !== beforeLast) {
    report("seal-wrong", `the seal speaks of ${last.records} records and another head than the journal has`, last.seq);
  }
  return true;
}

/** Renders the reports again: the same record and the same version give the same bytes. */
async function checkReports(
  dir: string,
  record: RunRecord,
  config: JsonObject | null,
  tool: string | undefined,
  digests: DigestCache,
  report: Report,
): Promise<void> {
  if (digests.of("report.md") === null) report("report-missing", "report.md is missing");
  if (tool === undefined || tool !== record.started.tool) return;
  const text = (path: string) => textOf(dir, path, digests);
  const view = reportView(record, { runbookYaml: text("runbook.yaml") ?? "", config });
  const page = text("report.html");
  if (page !== null && !isText(htmlDocument(view), page)) {
    report("report-differs", "report.html is not what the journal gives when it is rendered again");
  }
  const markdown = text("report.md");
  if (markdown !== null) {
    const layout = record.started.keeping?.layout ?? null;
    const again = await markdownDocument(view, layout === null ? null : text(layout));
    if (!isText(again, markdown))
      report("report-differs", "report.md is not what the journal gives when it is rendered again");
  }
}

/** True when the document is exactly this text. */
function isText(document: Document, text: string): boolean {
  let at = 0;
  document((piece) => {
    at = at >= 0 && text.startsWith(piece, at) ? at + piece.length : -1;
  });
  return at === text.length;
}

/** A file's text; null when it is missing or no regular file. */
function textOf(dir: string, path: string, digests: DigestCache): string | null {
  return digests.of(path) === null ? null : readRunFile(dir, path).toString("utf8");
}

function parsedObject(text: string | null): JsonObject | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
