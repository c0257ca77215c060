/** Kebab-case and stable: never reused, never renamed. */
export type DiagnosticCode = string;
