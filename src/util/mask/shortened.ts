/** Secrets that somebody else shortened before quoting them: `Incorrect API key provided: sk-ab****wxyz`. */
import { MASK, type Secret } from "./masker.ts";

/** Fewer characters than this say nothing of a secret, and too many words begin with them. */
const fewestChars = 3;
/** Nobody who shortens a secret shows more of one side. */
const mostChars = 64;

/** What stands for the part that is left out. */
const gap = /[*•…]{2,}|…|\.{3,}/gu;

/** Masks the beginning and the end of each secret where something stands for the rest of it. Whole secrets are a masker's. */
export function shortenedMask(secrets: readonly Secret[]): (text: string) => string {
  const values = [...new Set(secrets.map(({ value }) => value))];
  const heads = values.map((value) => value.slice(0, mostChars));
  const tails = values.map((value) => value.slice(-mostChars));
  return (text) => {
    let out = "";
    let from = 0;
    for (const { 0: found, index } of text.matchAll(gap)) {
      const end = index + found.length;
      const before = text.slice(Math.max(from, index - mostChars), index);
      const after = text.slice(end, end + mostChars);
      const head = Math.max(0, ...heads.map((value) => headChars(before, value)));
      const tail = Math.max(0, ...tails.map((value) => tailChars(after, value)));
      if (head === 0 && tail === 0) continue;
      out += `${text.slice(from, index - head)}${MASK}`;
      from = end + tail;
    }
    return from === 0 ? text : out + text.slice(from);
  };
}

/** How many characters at the end of `before` are the beginning of a secret; 0 = too few to say. */
function headChars(before: string, value: string): number {
  if (before.length < fewestChars || !value.includes(before.slice(-fewestChars))) return 0;
  for (let count = Math.min(before.length, value.length); count >= fewestChars; count--)
    if (before.endsWith(value.slice(0, count))) return count;
  return 0;
}

/** How many characters at the beginning of `after` are the end of a secret; 0 = too few to say. */
function tailChars(after: string, value: string): number {
  if (after.length < fewestChars || !value.includes(after.slice(0, fewestChars))) return 0;
  for (let count = Math.min(after.length, value.length); count >= fewestChars; count--)
    if (after.startsWith(value.slice(-count))) return count;
  return 0;
}
