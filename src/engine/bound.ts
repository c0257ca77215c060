/** An approval binds to what was shown: before a write, what will run is compared with what the approver saw. */
import { withoutItems } from "../plan/scope.ts";
import type { RunRecord } from "./run-record.ts";

/** Null when the action of `path` is what was approved (or no approval covers it), else why it is not. */
export function approvalDrift(record: RunRecord, path: string, action: string): string | null {
  for (const step of record.steps.values()) {
    const { approval } = step;
    if (approval === null || approval.state !== "approved") continue;
    const shown = shownFor(approval.request.bound, path);
    if (shown !== null && !matchesShown(shown, action)) {
      return `approved was: ${shown}; now it would be: ${action}`;
    }
  }
  return null;
}

/** What was shown of a step; of an item, what was shown for each of them. */
function shownFor(bound: readonly { readonly step: string; readonly action: string }[], path: string): string | null {
  const of = (step: string) => bound.find((item) => item.step === step)?.action;
  const each = of(path) ?? of(withoutItems(path));
  return each?.replace(/^for each of (?:\d+|‹some›): /, "") ?? null;
}

/** `‹known after x›` in what was shown may have become anything; the rest must be equal. */
export function matchesShown(shown: string, actual: string): boolean {
  const parts = shown.split(/‹[^›]*›/);
  if (parts.length === 1) return shown === actual;
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    const found =
      index === 0 ? (actual.startsWith(part) ? 0 : -1) : last ? actual.lastIndexOf(part) : actual.indexOf(part, at);
    if (found < at) return false;
    at = found + part.length;
  }
  return at === actual.length;
}
