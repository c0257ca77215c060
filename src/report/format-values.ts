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

/** Links to records of the journal: all up to nine, of more the first nine and the last. Nothing for null. */
export function refs(seqs: unknown, link: (seq: number) => string): string {
  if (typeof seqs === "number") return link(seqs);
  const known: number[] = Array.isArray(seqs) ? seqs.filter((seq) => typeof seq === "number") : [];
  if (known.length <= 10) return known.map(link).join(" ");
  return [...known.slice(0, 9).map(link), "…", link(known.at(-1) as number)].join(" ");
}
