/** Everything a schema cannot say: names, order, types of expressions, effects, secrets, policy. */
import type { LintContext } from "./context.ts";

export function lintRunbook(_context: LintContext): void {}
