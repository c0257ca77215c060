/** How the live view looks: size, colour, time, and a symbol or word for what became of a step. */
import type { StepRecord } from "../../engine/run-record.ts";
import type { LogTail } from "./log-tail.ts";
import { legible, paint, type Role, type Symbols, unicodeSymbols } from "./terminal.ts";
import { padEnd } from "./text-width.ts";

export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly symbols: Symbols;
  readonly color: boolean;
  readonly nowMs: number;
  /** The turning symbol of what runs now. */
  readonly spinner: string;
  /** Whether Ctrl-C speaks to the run. */
  readonly keys: boolean;
  readonly tail: LogTail;
}

const ended: Readonly<Record<string, readonly [keyof Symbols, Role]>> = {
  succeeded: ["ok", "good"],
  failed: ["failed", "error"],
  timed_out: ["failed", "error"],
  cancelled: ["failed", "error"],
  undo_failed: ["failed", "error"],
  undone: ["undone", "good"],
  skipped: ["skipped", "quiet"],
  waiting: ["waiting", "warning"],
  indeterminate: ["unknown", "warning"],
  pending: ["pending", "quiet"],
};

export function stepSymbol(step: StepRecord, look: Look): string {
  if (step.status === "running") return paintIf(look, padEnd(look.spinner, leadWidth(look)), "place");
  if (step.status === "skipped" && step.why?.startsWith("overridden")) return symbol(look, "warn", "warning");
  if (step.phase === "rollback" && step.status === "succeeded") return symbol(look, "undone", "good");
  const [name, role] = ended[step.status] ?? ["unknown", "warning"];
  const warned = step.status === "succeeded" && step.checks.some((check) => check.status !== "met");
  return warned ? symbol(look, "warn", "warning") : symbol(look, name, role);
}

export function symbol(look: Look, name: keyof Symbols, role: Role | null): string {
  return paintIf(look, padEnd(look.symbols[name], leadWidth(look)), role);
}

/** Words for symbols take more than one column. */
export function leadWidth(look: Look): number {
  return look.symbols === unicodeSymbols ? 1 : 4;
}

export function paintIf(look: Look, given: string, role: Role | null): string {
  const text = legible(look.symbols, given);
  return look.color && role !== null && text !== "" ? paint(text, role) : text;
}

export function dot(look: Look): string {
  return look.symbols === unicodeSymbols ? "·" : "-";
}

export function ellipsis(look: Look): string {
  return look.symbols === unicodeSymbols ? "…" : "...";
}
