/** Verifications of a step: evaluated, with expected and actual in words whatever the outcome. */
import { evaluateExpression, explainCondition, toJson } from "../language/cel/index.ts";
import type { Verification } from "../language/runbook.ts";
import { resolveTemplate } from "../language/template.ts";
import type { Json, JsonObject } from "../util/json.ts";
import type { CheckOutcome } from "./events.ts";

type Scope = Record<string, unknown>;

/** One outcome per verification, in order. Never throws: what cannot be evaluated is `could_not_run`. */
export function runChecks(verifications: readonly Verification[], scope: Scope): CheckOutcome[] {
  return verifications.map((verification) => runCheck(verification, scope));
}

function runCheck(verification: Verification, scope: Scope): CheckOutcome {
  const { that, severity } = verification;
  const value = evaluateExpression(that, scope);
  const explanation = explainCondition(that, scope);
  const base = { that, severity, expected: explanation.expected, actual: explanation.actual, show: null };
  if (value.kind === "error")
    return { ...base, status: "could_not_run", actual: value.message, message: value.message };
  if (value.kind === "unknown") {
    return { ...base, status: "undecided", message: `not known: ${value.from.join(", ")}` };
  }
  if (value.value === true) return { ...base, status: "met", message: null };
  if (value.value !== false) {
    return { ...base, status: "could_not_run", message: `gives ${JSON.stringify(value.value)}, not true or false` };
  }
  return {
    ...base,
    status: "not_met",
    message: verification.message === null ? null : messageText(verification.message, scope),
    show: verification.show === null ? null : shown(verification.show, scope),
  };
}

/** Errors hold a step up; warnings are only shown. An undecided or impossible check is not a met one. */
export function allErrorsMet(checks: readonly CheckOutcome[]): boolean {
  return checks.every((check) => check.status === "met" || check.severity === "warning");
}

export function messageText(template: string, scope: Scope): string {
  const text = resolveTemplate(template, (expression) => evaluateExpression(expression, scope));
  if (text.kind === "value") return typeof text.value === "string" ? text.value : JSON.stringify(text.value);
  return text.kind === "unknown" ? text.text : template;
}

function shown(expression: string, scope: Scope): Json {
  const value = evaluateExpression(expression, scope);
  return value.kind === "value" ? (toJson(value.value) as Json) : null;
}

/** Evaluates a step's outputs over its result. Failing ones are reported, not thrown. */
export function evaluateOutputs(
  outputs: Readonly<Record<string, string>>,
  scope: Scope,
): { values: JsonObject; problems: string[] } {
  const values: Record<string, Json> = {};
  const problems: string[] = [];
  for (const [name, expression] of Object.entries(outputs)) {
    const value = evaluateExpression(expression, scope);
    if (value.kind === "value") values[name] = toJson(value.value) as Json;
    else {
      values[name] = null;
      problems.push(
        `output ${name}: ${value.kind === "error" ? value.message : `not known: ${value.from.join(", ")}`}`,
      );
    }
  }
  return { values, problems };
}
