/** Says which values cannot be secrets, because masking them would hide ordinary text or could not be done at all. */

import { COMMON_WORDS } from "./common-words.ts";
import { MIN_PATTERN_BYTES, partsOf } from "./variants.ts";

/** A text that is public already: the runbook, the target's variables, the inputs. */
export type KnownText = string | { readonly where: string; readonly text: string };

/** Shorter numbers stand everywhere: ports, years, sizes, milliseconds. */
const MIN_DIGITS = 6;

const CHANGE_IT = "Set the secret to a long random value";

/**
 * Why a value cannot be masked at all: too short, blank, or looking like the mask. Null when it can. The message names
 * the secret and never tells its value.
 */
export function shapeRefusalOf(name: string, value: string): string | null {
  const trimmed = value.trim();
  if (trimmed === "") return `Secret ${name} is ${value === "" ? "empty" : "only white space"}. ${CHANGE_IT}.`;
  if (Buffer.byteLength(trimmed, "utf8") < MIN_PATTERN_BYTES) {
    return (
      `Secret ${name} is shorter than ${MIN_PATTERN_BYTES} bytes: masking it would hide ordinary text. ` +
      `${CHANGE_IT}, or drop it from \`secrets\` and give the step \`output: discard\`.`
    );
  }
  if (/^\d+$/.test(trimmed) && trimmed.length < MIN_DIGITS) {
    return (
      `Secret ${name} is a number of fewer than ${MIN_DIGITS} digits: masking it would hide ports, versions and times. ` +
      `${CHANGE_IT}, or drop it from \`secrets\` and give the step \`output: discard\`.`
    );
  }
  if (value.includes("***") || new Set(trimmed).size === 1) {
    return (
      `Secret ${name} is one repeated character or holds "***", the mask itself: masked text could not be told from ` +
      `other text. ${CHANGE_IT}.`
    );
  }
  return null;
}

/**
 * Why a value may not be used as a secret: it cannot be masked, is a common word, or stands in a text that is public
 * already (`knownTexts`). Null when it may. The message names the secret and the place, never the value.
 */
export function refusalOf(name: string, value: string, knownTexts: readonly KnownText[]): string | null {
  const shape = shapeRefusalOf(name, value);
  if (shape !== null) return shape;
  const { whole, lines } = partsOf(value);
  if (COMMON_WORDS.has(value.trim().toLowerCase())) {
    return (
      `Secret ${name} is a common word: masking it would hide ordinary text. ` +
      `${CHANGE_IT}, or drop it from \`secrets\` and give the step \`output: discard\`.`
    );
  }
  const parts = [...whole, ...lines];
  for (const known of knownTexts) {
    const { where, text } =
      typeof known === "string" ? { where: "the runbook, its target or inputs", text: known } : known;
    if (parts.some((part) => text.includes(part))) {
      return (
        `The value of secret ${name} occurs in ${where}, which is not secret: it would be masked there as well, and it ` +
        `is known to everyone who can read it. Remove it there, then set the secret to a new value.`
      );
    }
  }
  return null;
}
