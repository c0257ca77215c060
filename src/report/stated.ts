/**
 * What the author of a runbook states for its readers: paragraphs of the `description` that begin with one of these
 * labels and a colon (`Scope: …`, `**Test type:** …`, `- Impact: …`). The language has no keys for them (ADR 0015).
 */

/** Field of the evidence (`checks.ts`) → its label, in the order of the report. */
export const statedLabels = {
  scope: "Scope",
  exclusions: "Exclusions",
  scenario: "Scenario",
  test_type: "Test type",
  aims: "Aims",
  impact: "Impact",
  security_impact: "Security impact",
  rollback_procedure: "Rollback procedure",
  classification: "Classification",
} as const;

export type StatedField = keyof typeof statedLabels;

const names = Object.keys(statedLabels) as readonly StatedField[];
const byLabel = new Map(names.map((name) => [statedLabels[name].toLowerCase(), name]));
const labelled = new RegExp(
  `^\\s*(?:[-*+] )?(\\*\\*|__|)(${[...byLabel.keys()].join("|")})(?::\\1|\\1:)(?:\\s+(.*))?$`,
  "i",
);
/** A line that begins something else: a heading, a list item, a table, a quotation, a fence. */
const beginsAnother = /^\s*(?:#{1,6} |[-*+] |\d+[.)] |\||>|```|~~~)/;

/** Field → its text on one line, as far as the description states it; the first of a label counts. */
export function statedIn(description: string): ReadonlyMap<StatedField, string> {
  const found = new Map<StatedField, string>();
  let open: StatedField | null = null;
  let fence: string | null = null;
  for (const line of description.split(/\r?\n/)) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== null || mark !== undefined) {
      fence = fence === null ? (mark ?? null) : mark?.startsWith(fence) ? null : fence;
      open = null;
      continue;
    }
    const [, , label, text] = labelled.exec(line) ?? [];
    if (label !== undefined) {
      const name = byLabel.get(label.toLowerCase());
      open = name === undefined || found.has(name) ? null : name;
      if (open !== null) found.set(open, text?.trim() ?? "");
    } else if (line.trim() === "" || beginsAnother.test(line)) {
      open = null;
    } else if (open !== null) {
      found.set(open, `${found.get(open)} ${line.trim()}`.trim());
    }
  }
  for (const [name, text] of found) if (text === "") found.delete(name);
  return found;
}
