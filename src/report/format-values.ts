/** What the formats of documents share: values as they come from a view, before they are made inert. */

/** A document cannot be made from this template or of these values. */
export class TemplateError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "TemplateError";
  }
}

/** Makes text of values, inert in a document. Throws `TemplateError` on a value that cannot stand where it is used. */
export interface Format {
  /** A value as it is. */
  readonly bare: (value: unknown) => string;
  /** Helpers of templates by their names; named values come last, as an object. */
  readonly [helper: string]: (...values: readonly unknown[]) => string;
}

export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === null) return "";
  throw new TemplateError(`a ${Array.isArray(value) ? "list" : typeof value} cannot stand in the text`);
}

export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TemplateError("this is not a list");
}

const isNumber = (value: unknown) => typeof value === "number";

/** Links to records of the journal: all up to ten, of more the first nine and the last. Nothing for what is no number. */
export function refs(seqs: unknown, link: (seq: number) => string): string {
  const given: readonly unknown[] = Array.isArray(seqs) ? seqs : [seqs];
  const known = (given.every(isNumber) ? given : given.filter(isNumber)) as readonly number[];
  let text = "";
  for (let at = 0; at < known.length; at++) {
    const isLeftOut = at > 8 && at < known.length - 1;
    if (isLeftOut && at > 9) continue;
    text += `${at === 0 ? "" : " "}${isLeftOut ? "…" : link(known[at] as number)}`;
  }
  return text;
}
