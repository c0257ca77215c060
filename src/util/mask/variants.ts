/**
 * The forms one secret takes on its way into a log: as it is, trimmed, line by line, and in each of these as base64,
 * hex, percent-encoded, JSON-escaped, shell-quoted and so on. Two public lists were compared: the runner of GitHub
 * Actions registers eleven encoders, among them shifted base64 (`actions/runner:src/Runner.Common/HostContext.cs`);
 * Jenkins adds the shell-quoted forms (`SecretPatterns.java`).
 */

import { COMMON_WORDS } from "./common-words.ts";

/** No pattern is shorter, in bytes: the matcher's filter looks at windows of this size. */
export const MIN_PATTERN_BYTES = 4;

/** A line of a multi-line secret counts from this many characters on: shorter ones occur in any text. */
const MIN_LINE_CHARACTERS = 6;

/** The frame lines of a PEM file say nothing secret and stand in many texts. */
const PEM_FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;

/** Column at which base64 tools break lines: `base64` (RFC 2045) and `openssl base64` (RFC 7468). */
const BASE64_COLUMNS = [76, 64];

const percentKeeps = {
  encodeUriComponent: /[A-Za-z0-9\-_.!~*'()]/,
  encodeUri: /[A-Za-z0-9\-_.!~*'();,/?:@&=+$#]/,
  rfc3986: /[A-Za-z0-9\-_.~]/,
  form: /[A-Za-z0-9\-_.*]/,
};

/** What is registered of a value: the value, the value trimmed, and each telling line of a multi-line value. */
export function partsOf(value: string): { readonly whole: readonly string[]; readonly lines: readonly string[] } {
  const trimmed = value.trim();
  const lines = trimmed
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= MIN_LINE_CHARACTERS)
    .filter((line) => !PEM_FRAME.test(line) && !COMMON_WORDS.has(line.toLowerCase()));
  return { whole: [...new Set([value, trimmed])], lines: /[\r\n]/.test(trimmed) ? [...new Set(lines)] : [] };
}

/**
 * Every pattern that gives a value away, as bytes, without duplicates. Patterns under {@link MIN_PATTERN_BYTES} are left
 * out: they would mask half of every log.
 */
export function variantsOf(value: string): readonly Buffer[] {
  const { whole, lines } = partsOf(value);
  const found = new Map<string, Buffer>();
  const add = (pattern: Buffer): void => {
    if (pattern.length >= MIN_PATTERN_BYTES) found.set(pattern.toString("latin1"), pattern);
  };
  for (const part of [...whole, ...lines]) {
    const bytes = Buffer.from(part, "utf8");
    for (const form of textForms(part)) add(Buffer.from(form, "utf8"));
    for (const form of percentForms(bytes)) add(Buffer.from(form, "latin1"));
    add(Buffer.from(bytes.toString("hex"), "latin1"));
    add(Buffer.from(bytes.toString("hex").toUpperCase(), "latin1"));
    for (const form of base64Forms(bytes)) add(Buffer.from(form, "latin1"));
  }
  for (const part of whole) {
    for (const form of twiceBase64Forms(Buffer.from(part, "utf8"))) add(Buffer.from(form, "latin1"));
  }
  return [...found.values()];
}

function textForms(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const ascii = (digits: (hex: string) => string): string =>
    json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${digits(unit.charCodeAt(0).toString(16).padStart(4, "0"))}`);
  const controls = text.replaceAll("\r", "\\r").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  const xml = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return [
    text,
    text.replace(/\r\n|\r|\n/g, "\r\n"),
    text.replace(/\r\n|\r|\n/g, "\n"),
    json,
    json.replaceAll("/", "\\/"),
    ascii((hex) => hex),
    ascii((hex) => hex.toUpperCase()),
    JSON.stringify(json).slice(1, -1), // JSON inside JSON, as in log lines that quote a response body
    JSON.stringify(ascii((hex) => hex)).slice(1, -1),
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replace(/["$`\\]/g, "\\$&"),
    text.replace(/[^A-Za-z0-9_@%+=:,./\-\n\u0080-\uffff]/g, "\\$&"), // printf %q
    controls.replaceAll("'", "\\'"), // $'…'
    text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n"),
    text.replaceAll("$", "$$$$"),
    controls,
    xml,
    xml.replaceAll('"', "&quot;"),
    xml.replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    xml.replaceAll('"', "&quot;").replaceAll("'", "&apos;"),
    xml.replaceAll('"', "&quot;").replaceAll("'", "&#x27;"),
    xml.replaceAll('"', "&quot;").replaceAll("'", "&#x27;").replaceAll("`", "&#x60;").replaceAll("=", "&#x3D;"),
    xml.replaceAll('"', "&#34;").replaceAll("'", "&#39;"),
  ];
}

function percentForms(bytes: Buffer): readonly string[] {
  return Object.entries(percentKeeps).flatMap(([name, keeps]) => {
    const encode = (caseOf: (hex: string) => string): string =>
      Array.from(bytes, (byte) => {
        const unit = String.fromCharCode(byte);
        if (name === "form" && unit === " ") return "+";
        return keeps.test(unit) ? unit : `%${caseOf(byte.toString(16).padStart(2, "0"))}`;
      }).join("");
    return [encode((hex) => hex.toUpperCase()), encode((hex) => hex)];
  });
}

const urlSafe = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_");

/**
 * Base64 of the bytes with 0, 1 or 2 unknown bytes before them. `core` are the characters that the bytes alone decide;
 * `ended` those when nothing follows the bytes (the last character then is decided as well), without padding.
 */
function alignments(bytes: Buffer): readonly { readonly core: string; readonly ended: string; readonly pad: string }[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const ended = encoded.replace(/=+$/, "");
    const first = Math.ceil((before * 8) / 6);
    const decided = Math.floor(((before + bytes.length) * 8) / 6);
    return { core: ended.slice(first, decided), ended: ended.slice(first), pad: encoded.slice(ended.length) };
  });
}

function base64Forms(bytes: Buffer): readonly string[] {
  const forms = alignments(bytes).flatMap(({ core, ended, pad }) => [core, ended, ended + pad]);
  const whole = bytes.toString("base64");
  for (const columns of BASE64_COLUMNS) {
    if (whole.length <= columns) continue;
    for (let at = 0; at < whole.length; at += columns) {
      const piece = whole.slice(at, at + columns);
      if (piece.replace(/=+$/, "").length >= MIN_LINE_CHARACTERS) forms.push(piece);
    }
  }
  return [...forms, ...forms.map(urlSafe)];
}

function twiceBase64Forms(bytes: Buffer): readonly string[] {
  const inner = alignments(bytes).flatMap(({ core }) => [core, urlSafe(core)]);
  const cores = inner.flatMap((text) => alignments(Buffer.from(text, "latin1")).map(({ core }) => core));
  const once = bytes.toString("base64");
  const exact = [once, once.replace(/=+$/, ""), urlSafe(once), urlSafe(once).replace(/=+$/, "")].flatMap((text) => {
    const twice = Buffer.from(text, "latin1").toString("base64");
    return [twice, twice.replace(/=+$/, "")];
  });
  return [...cores, ...exact].flatMap((text) => [text, urlSafe(text)]);
}
