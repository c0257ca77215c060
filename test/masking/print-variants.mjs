// Prints every secret it is given (by environment, never by argument) in every encoding, each one whole, cut in two and
// byte by byte. Written without the masker's code. Imported by the test, it tells what must not be seen.
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const percent = (secret, keeps, upper) =>
  [...Buffer.from(secret)]
    .map((byte) => {
      const unit = String.fromCharCode(byte);
      const hex = byte.toString(16).padStart(2, "0");
      return keeps.test(unit) ? unit : `%${upper ? hex.toUpperCase() : hex}`;
    })
    .join("");
const base64 = (text, form = "base64") => Buffer.from(text).toString(form);
const unreserved = /[A-Za-z0-9\-_.~]/;

/** What an encoding prints; `secret` is the part of it that the secret alone decides. */
const shifted = (before, after, form) => (secret) => {
  const shown = base64(before + secret + after, form);
  const from = Buffer.byteLength(before) * 8;
  const to = from + Buffer.byteLength(secret) * 8;
  return { shown, secret: shown.slice(Math.ceil(from / 6), Math.floor(to / 6)) };
};
const same = (encode) => (secret) => ({ shown: encode(secret), secret: encode(secret) });

export const encodings = {
  raw: same((s) => s),
  trimmed: same((s) => s.trim()),
  base64: same((s) => base64(s)),
  "base64 without padding": same((s) => base64(s).replaceAll("=", "")),
  base64url: same((s) => base64(s, "base64url")),
  "base64 after one byte": shifted("k", "\n", "base64"),
  "base64 after two bytes": shifted("k=", "; path=/", "base64"),
  "base64 of user and secret": shifted("user:", "", "base64"),
  "base64url in the middle": shifted("k=", ".tail", "base64url"),
  "base64 twice": same((s) => base64(base64(s))),
  hex: same((s) => Buffer.from(s).toString("hex")),
  "hex upper case": same((s) => Buffer.from(s).toString("hex").toUpperCase()),
  "percent upper case": same((s) => percent(s, unreserved, true)),
  "percent lower case": same((s) => percent(s, unreserved, false)),
  encodeURIComponent: same((s) => encodeURIComponent(s)),
  form: same((s) => new URLSearchParams([["", s]]).toString().slice(1)),
  json: same((s) => JSON.stringify(s).slice(1, -1)),
  "json in json": same((s) => JSON.stringify(JSON.stringify(s)).slice(3, -3)),
  shell: same((s) => s.split("'").join("'\\''")),
  "dollar doubled": same((s) => s.split("$").join("$$")),
  xml: same((s) =>
    s.replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]),
  ),
};

/** Ways to hand the bytes to the pipe. */
export const splits = {
  whole: (bytes) => [bytes],
  halves: (bytes) => [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)],
  bytes: (bytes) => [...bytes].map((byte) => Buffer.from([byte])),
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const secret of [process.env.ALPHA, process.env.BETA]) {
    for (const [name, encode] of Object.entries(encodings)) {
      for (const [split, cut] of Object.entries(splits)) {
        for (const fd of [1, 2]) {
          for (const piece of cut(Buffer.from(`${name}, ${split}: [${encode(secret).shown}]\n`))) writeSync(fd, piece);
        }
      }
    }
  }
  process.exitCode = Number(process.argv[2] ?? 0);
}
