/** Forty secrets of the shapes that providers hand out, and twenty encodings written without the code under test. */

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function randomText(random: () => number, length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
}

const ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const random = createRandom(7);

export const corpus: readonly string[] = [
  "hunter2!",
  "p4$$w0rd",
  "Zq7%",
  "äöü-Straße-€",
  "パスワード一二三",
  "with space and tail ",
  "  padded-both-sides  ",
  `quote'single"double\`tick`,
  "back\\slash\\\\twice",
  "<xml>&amp;\"attr'</xml>",
  "postgres://user:p@ss/w?rd#1@db.internal:5432/app?sslmode=require",
  "a+b/c=d&e f%20g",
  "$HOME/${PATH}$(id)",
  "tab\there\nsecond line of it\nthird-line-of-it",
  "line-one-of-crlf\r\nline-two-of-crlf\r\n",
  `-----BEGIN PRIVATE KEY-----\n${[1, 2, 3, 4].map(() => randomText(random, 64, `${ALNUM}+/`)).join("\n")}\n-----END PRIVATE KEY-----\n`,
  JSON.stringify({ type: "service", private_key: "k\nl", id: randomText(random, 20, ALNUM) }),
  "9081726354",
  "aaaaaaab",
  "abababababac",
  "abcabcabcabd",
  ...[5, 6, 7, 8, 9].map((length) => randomText(random, length, ALNUM)),
  `ghp_${randomText(random, 36, ALNUM)}`,
  `fo1_${randomText(random, 43, `${ALNUM}_-`)}`,
  `sbp_${randomText(random, 40, "0123456789abcdef")}`,
  `xoxb-${randomText(random, 50, "0123456789-abcdef")}`,
  `AKIA${randomText(random, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}`,
  ...[20, 32, 40, 57, 58, 64, 100, 200].map((length) => randomText(random, length, `${ALNUM}+/=-_!$&'()*,;:@`)),
  "emoji-🔑-key",
];

export interface Encoding {
  readonly name: string;
  /** The text as a log shows it, and the part of it that must not be seen. */
  readonly encode: (secret: string) => { readonly shown: string; readonly secretPart: string };
}

const same = (name: string, encode: (secret: string) => string): Encoding => ({
  name,
  encode: (secret) => ({ shown: encode(secret), secretPart: encode(secret) }),
});

/** Base64 of a text in which the secret stands after `before` bytes; what the secret alone decides must go. */
const shifted = (name: string, before: string, after: string, urlSafe: boolean): Encoding => ({
  name,
  encode(secret) {
    const shown = Buffer.from(before + secret + after).toString(urlSafe ? "base64url" : "base64");
    const firstBit = Buffer.byteLength(before) * 8;
    const lastBit = firstBit + Buffer.byteLength(secret) * 8;
    return { shown, secretPart: shown.slice(Math.ceil(firstBit / 6), Math.floor(lastBit / 6)) };
  },
});

const percent = (secret: string, keeps: RegExp, isUpper: boolean): string =>
  [...Buffer.from(secret)]
    .map((byte) => {
      const unit = String.fromCharCode(byte);
      const hex = byte.toString(16).padStart(2, "0");
      return keeps.test(unit) ? unit : `%${isUpper ? hex.toUpperCase() : hex}`;
    })
    .join("");

/** As Python's json.dumps writes it. */
const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const encodings: readonly Encoding[] = [
  same("raw", (secret) => secret),
  same("trimmed", (secret) => secret.trim()),
  same("base64", (secret) => Buffer.from(secret).toString("base64")),
  same("base64 without padding", (secret) => Buffer.from(secret).toString("base64").replaceAll("=", "")),
  same("base64url", (secret) => Buffer.from(secret).toString("base64url")),
  shifted("base64 after one byte", "k", "\n", false),
  shifted("base64 after two bytes", "k=", "; path=/", false),
  shifted("base64 after a user name", "user:", "", false),
  shifted("base64url after two bytes", "k=", ".tail", true),
  same("base64 twice", (secret) => Buffer.from(Buffer.from(secret).toString("base64")).toString("base64")),
  same("hex", (secret) => Buffer.from(secret).toString("hex")),
  same("hex upper case", (secret) => Buffer.from(secret).toString("hex").toUpperCase()),
  same("percent upper case", (secret) => percent(secret, /[A-Za-z0-9\-_.~]/, true)),
  same("percent lower case", (secret) => percent(secret, /[A-Za-z0-9\-_.~]/, false)),
  same("encodeURIComponent", encodeURIComponent),
  same("form", (secret) => new URLSearchParams([["", secret]]).toString().slice(1)),
  same("JSON", (secret) => JSON.stringify(secret).slice(1, -1)),
  same("JSON in JSON", (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3)),
  same("JSON in ASCII in JSON", (secret) => JSON.stringify(asciiJson(secret)).slice(3, -3)),
  same("shell", (secret) => secret.split("'").join("'\\''")),
  same("dollar doubled", (secret) => secret.split("$").join("$$")),
  same("XML", (secret) =>
    secret.replace(/[&<>"']/g, (unit) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[unit] ?? "&#39;"),
  ),
  same("newline written out", (secret) => secret.split("\r").join("\\r").split("\n").join("\\n")),
];
