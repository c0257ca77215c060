/** An item of `runbook.written/1.0`: what became of one file. */
export interface WrittenFile {
  /** Relative to where the command runs. */
  readonly file: string;
  readonly status: "written" | "added-to" | "kept" | "unchanged" | "stale" | "removed";
  readonly detail: string | null;
}
