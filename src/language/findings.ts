/** Collects diagnostics of one load; the same problem at the same place is kept once, the graver one. */
import type { DiagnosticCode } from "./codes.ts";
import type { Diagnostic, Edit, Location } from "./diagnostic.ts";

export interface Extra {
  readonly hint?: string | undefined;
  readonly related?: readonly { readonly message: string; readonly at: Location }[] | undefined;
  readonly fix?: readonly Edit[] | undefined;
}

export class Findings {
  readonly #list: Diagnostic[] = [];
  readonly #seen = new Map<string, number>();

  error(code: DiagnosticCode, at: Location, message: string, extra: Extra = {}): void {
    this.add("error", code, at, message, extra);
  }

  warning(code: DiagnosticCode, at: Location, message: string, extra: Extra = {}): void {
    this.add("warning", code, at, message, extra);
  }

  add(severity: Diagnostic["severity"], code: DiagnosticCode, at: Location, message: string, extra: Extra = {}): void {
    const key = JSON.stringify([code, at.file, at.range.start, at.range.end, message]);
    const before = this.#seen.get(key);
    if (before !== undefined && (severity === "warning" || this.#list[before]!.severity === "error")) return;
    this.#seen.set(key, before ?? this.#list.length);
    const { hint, related, fix } = extra;
    this.#list[before ?? this.#list.length] = {
      code,
      severity,
      message,
      at,
      ...(hint ? { hint } : {}),
      ...(related ? { related } : {}),
      ...(fix ? { fix } : {}),
    };
  }

  addAll(diagnostics: Iterable<Diagnostic>): void {
    for (const d of diagnostics) this.add(d.severity, d.code as DiagnosticCode, d.at, d.message, d);
  }

  get hasErrors(): boolean {
    return this.#list.some((d) => d.severity === "error");
  }

  get size(): number {
    return this.#list.length;
  }

  /** By file, position, then code. */
  sorted(): readonly Diagnostic[] {
    return [...this.#list].sort(
      (a, b) =>
        compare(a.at.file, b.at.file) ||
        a.at.range.start - b.at.range.start ||
        a.at.range.end - b.at.range.end ||
        compare(a.code, b.code),
    );
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
