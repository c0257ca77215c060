/** JSON as flyctl prints it: indented by four blanks. */
export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`;

/** A table as flyctl prints it for people: upper-case headers, cells separated by tabs, padded to columns. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[], title = ""): string {
  const all = [headers.map((header) => header.toUpperCase()), ...rows];
  const widths = headers.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("\t")
      .trimEnd(),
  );
  return `${title === "" ? "" : `${title}\n`}${lines.join("\n")}\n`;
}

/** `3h20m ago`, `just now`, or a date when it is long ago. */
export function relativeTime(rfc3339: string, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(rfc3339)) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s ago`;
  if (seconds < 24 * 3600) return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m ago`;
  return rfc3339.slice(0, 10);
}

/** `2 total, 1 passing, 1 critical`, empty without checks. */
export function checksSummary(checks: readonly { readonly status: string }[]): string {
  if (checks.length === 0) return "";
  const count = (status: string) => checks.filter((check) => check.status === status).length;
  const parts = ["passing", "warning", "critical"].flatMap((status) =>
    count(status) > 0 ? [`${count(status)} ${status}`] : [],
  );
  return [`${checks.length} total`, ...parts].join(", ");
}
