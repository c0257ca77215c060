/** What `--explain CODE` tells about a diagnostic. */
export interface CodeEntry {
  /** One line without a full stop. */
  readonly title: string;
  /** Markdown: what is wrong, why it matters, what to do. */
  readonly explanation: string;
  /** YAML that gives this diagnostic, and YAML that does not. */
  readonly wrong: string;
  readonly right: string;
}
