/** Steps for tests: each appends its own name to the ledger, so that what really ran is known without the journal. */

export type StepSource = Readonly<Record<string, unknown>> & { readonly id: string };

export interface LedgerOptions {
  readonly effects?: "read" | "write" | "destructive";
  /** Word in the ledger; the id by default. */
  readonly says?: string;
  /** Waits at this gate after its line, and appends `<says> done` when it was opened. */
  readonly gate?: string;
  /** Exit code after everything else. */
  readonly exit?: number;
}

/** A `script` step; `keys` are further keys of it. Writes are irreversible unless `keys` names another way back. */
export function ledgerStep(
  id: string,
  options: LedgerOptions = {},
  keys: Readonly<Record<string, unknown>> = {},
): StepSource {
  const { effects = "write", says = id, gate, exit } = options;
  const lines = [`printf '%s\\n' '${says}' >> "$LEDGER"`];
  if (gate !== undefined) lines.push(`read -r _ < "$GATES/${gate}"`, `printf '%s\\n' '${says} done' >> "$LEDGER"`);
  if (exit !== undefined) lines.push(`exit ${exit}`);
  const wayBack = effects === "read" || "rollback" in keys || "idempotent" in keys;
  return {
    id,
    title: `Say ${says}`,
    uses: "script",
    with: { script: lines.join("\n") },
    effects,
    ...(wayBack ? {} : { irreversible: "Only a line in a ledger." }),
    ...keys,
  };
}
