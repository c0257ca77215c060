/**
 * The last look before a verdict: no file of a run directory may hold a secret, in any form the masker knows. What the
 * tool writes was masked on its way; this finds what came another way: kept artifacts, attachments, a log of a program
 * that masks nothing, a file's name.
 */
import { closeSync, constants, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import type { SecretScan } from "../engine/ports.ts";
import type { Secret } from "../util/mask/masker.ts";
import { createMatcher, INITIAL_STATE, type Interval, type Matcher } from "../util/mask/matcher.ts";
import { variantsOf } from "../util/mask/variants.ts";

const chunkBytes = 1024 * 1024;
/** Chunks between two turns of the event loop. */
const chunksPerTurn = 8;

/** Of these the tool itself makes every number (process ids, times, sizes): digits alone are no find. */
const machineFiles = /^(?:executor\.json|supervisor\.json|exits\.ndjson)$/;

/** Looks at every regular file below `dir`. Never throws: what could not be read is the `problem`. */
export async function scanForSecrets(dir: string, secrets: readonly Secret[]): Promise<SecretScan> {
  const leaks: { file: string; secret: string }[] = [];
  let files = 0;
  let bytes = 0;
  try {
    const all = matcherOf(secrets);
    // One for all files: a long run has thousands of small ones.
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const each = new Map<string, Matcher>();
    const only = (secret: Secret) => {
      const known = each.get(secret.name) ?? matcherOf([secret]);
      each.set(secret.name, known);
      return known;
    };
    for (const path of regularFiles(dir)) {
      const named = Buffer.from(path, "utf8");
      const read = await holds(dir, path, all, chunk);
      files++;
      bytes += read.bytes;
      if (!read.found && !inText(named, all)) continue;
      for (const secret of secrets) {
        const matcher = only(secret);
        if (inText(named, matcher) || (await holds(dir, path, matcher, chunk)).found) {
          leaks.push({ file: path, secret: secret.name });
        }
      }
    }
  } catch (error) {
    return { files, bytes, leaks, problem: error instanceof Error ? error.message : String(error) };
  }
  return { files, bytes, leaks, problem: null };
}

function matcherOf(secrets: readonly Secret[]): Matcher {
  const patterns = new Map<string, Buffer>();
  for (const { value } of secrets) {
    for (const pattern of variantsOf(value)) patterns.set(pattern.toString("latin1"), pattern);
  }
  return createMatcher([...patterns.values()]);
}

function inText(text: Buffer, matcher: Matcher): boolean {
  const found: Interval[] = [];
  matcher.scan(text, 0, INITIAL_STATE, found);
  return found.length > 0;
}

/** Folders are walked, links and special files left alone: they are no part of the evidence and `verify` names them. */
function regularFiles(dir: string): string[] {
  const files: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(dir, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  walk("");
  return files.sort();
}

async function holds(
  dir: string,
  path: string,
  matcher: Matcher,
  chunk: Buffer,
): Promise<{ found: boolean; bytes: number }> {
  const fd = openSync(join(dir, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const judge = path === "journal.ndjson" ? journalJudge() : machineFiles.test(path) ? wordJudge : anyJudge;
    let state = INITIAL_STATE;
    let held: Buffer = Buffer.alloc(0);
    let bytes = 0;
    for (let chunks = 1; ; chunks++) {
      const size = readSync(fd, chunk, 0, chunk.length, null);
      if (size === 0) return { found: false, bytes };
      const text = judge.prepare(chunk.subarray(0, size));
      const joined = held.length === 0 ? text : Buffer.concat([held, text]);
      const found: Interval[] = [];
      state = matcher.scan(joined, held.length, state, found);
      bytes += size;
      if (found.some(({ start, end }) => judge.counts(joined.subarray(start, end)))) return { found: true, bytes };
      held = Buffer.from(joined.subarray(joined.length - matcher.heldBytes(state)));
      if (chunks % chunksPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    closeSync(fd);
  }
}

interface Judge {
  /** Takes out what the tool itself made; keeps the length. */
  prepare(chunk: Buffer): Buffer;
  counts(found: Buffer): boolean;
}

const anyJudge: Judge = { prepare: (chunk) => chunk, counts: () => true };
const wordJudge: Judge = { prepare: (chunk) => chunk, counts: (found) => found.some((byte) => !isDigit(byte)) };

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

const marker = ',"hash":"';
const hashDigits = 64;

/**
 * A journal line's hash is made after masking and looks like anything, also like a short secret of hexadecimal digits:
 * the 64 digits behind `,"hash":"` at a line's end are blanked, also where a chunk's end cuts them.
 */
function journalJudge(): Judge {
  let rest = 0; // digits of a cut hash that the next chunk begins with
  return {
    prepare(chunk) {
      const text = Buffer.from(chunk);
      blankHex(text, 0, Math.min(rest, text.length));
      rest = 0;
      for (let at = text.indexOf(marker); at !== -1; at = text.indexOf(marker, at + 1)) {
        const from = at + marker.length;
        const end = from + hashDigits;
        if (end + 3 > text.length) rest = Math.max(0, end - text.length);
        else if (text.toString("latin1", end, end + 3) !== '"}\n') continue;
        blankHex(text, from, Math.min(end, text.length));
      }
      return text;
    },
    counts: () => true,
  };
}

function blankHex(text: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    const byte = text[at] ?? 0;
    if (isDigit(byte) || (byte >= 0x61 && byte <= 0x66)) text[at] = 0;
  }
}
