import type { ValidateFunction } from "ajv";

/**
 * Validators by the digest of their schema. Empty in the source: the build puts compiled ones in this module's place
 * (scripts/precompile.mjs), because compiling them would take longer than checking a runbook.
 */
export const precompiled: ReadonlyMap<string, ValidateFunction> = new Map();
