/** The expression language: all that other folders may use of it. */
export type { CelProblem, CheckOptions, CheckResult, Evaluation, Explanation, Reference } from "./cel.ts";
export { UnknownValue } from "./cel.ts";
export { checkExpression } from "./check.ts";
export type { EvaluateOptions } from "./context.ts";
export { evaluateExpression } from "./evaluate.ts";
export { explainCondition } from "./explain.ts";
export { alwaysTests, isConstant, references, sizeTested } from "./references.ts";
export { compileRegex } from "./regex.ts";
export { rangeProblem, satisfiesRange } from "./semver.ts";
export { maxDepth, maxNodes, maxTextLength, type Parsed, parseExpression } from "./syntax.ts";
export { parseJsonExactly } from "./tables.ts";
export { CelDuration, toJson } from "./values.ts";
