/** A place in a source text: half-open, in UTF-16 code units from the start of the text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A range in a named file. `file` is as the user gave it (relative to where the command ran). */
export interface Location {
  readonly file: string;
  readonly range: Range;
}

/** Replaces a range of a text. */
export interface Edit {
  readonly range: Range;
  readonly text: string;
}

/** Something wrong in a document, found before anything runs. Codes are stable: never reused, never renamed. */
export interface Diagnostic {
  /** Kebab-case, listed in `codes.ts` with its explanation. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** What is wrong, quoting the offending text; one line. */
  readonly message: string;
  readonly at: Location;
  /** What would be right: the nearest name, the closed list of values, or what to write; one line. */
  readonly hint?: string;
  readonly related?: readonly { readonly message: string; readonly at: Location }[];
  /** Edits of the same file that put it right, where that is mechanical and nothing else can have been meant. */
  readonly fix?: readonly Edit[];
}
