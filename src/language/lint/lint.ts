/** Everything a schema cannot say: names, order, types of expressions, effects, secrets, policy. */
import { lintCommands } from "./commands.ts";
import type { LintContext } from "./context.ts";
import { lintEffects } from "./effects.ts";
import { lintExpressions } from "./expressions.ts";
import { lintInputs } from "./inputs.ts";
import { lintNames } from "./names.ts";
import { lintProject } from "./project.ts";

export function lintRunbook(context: LintContext): void {
  lintNames(context);
  lintInputs(context, lintExpressions(context));
  lintEffects(context);
  lintCommands(context);
  lintProject(context);
}
