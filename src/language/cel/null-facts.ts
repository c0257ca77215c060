/** Which paths cannot be null where: what `x != null && …`, `x == null || …`, `?:` and `if` teach the checker. */
import { keyOf, keyOfPath, pathOf } from "./references.ts";
import { type Node, parseExpression } from "./syntax.ts";

/** Keys of paths (`keyOfPath`) known not to be null; a key that ends in `.*` stands for everything below it. */
export type NullFacts = ReadonlySet<string>;

const noFacts: NullFacts = new Set();

/** Facts that hold because each of these conditions holds. */
export function factsOf(conditions: readonly string[]): NullFacts {
  let facts = noFacts;
  for (const text of conditions) {
    const parsed = parseExpression(text);
    if (parsed.ok) facts = union(facts, factsWhen(parsed.root, true));
  }
  return facts;
}

export function union(a: NullFacts, b: NullFacts): NullFacts {
  if (a.size === 0) return b;
  return b.size === 0 ? a : new Set([...a, ...b]);
}

function intersection(a: NullFacts, b: NullFacts): NullFacts {
  return new Set([...a].filter((key) => b.has(key)));
}

/** What holds when a condition came out true, or false. */
export function factsWhen(node: Node, outcome: boolean): NullFacts {
  switch (node.kind) {
    case "not":
      return factsWhen(node.operand, !outcome);
    case "and":
    case "or": {
      const both = (node.kind === "and") === outcome;
      const [left, right] = [factsWhen(node.left, outcome), factsWhen(node.right, outcome)];
      return both ? union(left, right) : intersection(left, right);
    }
    case "choice": {
      const yes = union(factsWhen(node.test, true), factsWhen(node.yes, outcome));
      const no = union(factsWhen(node.test, false), factsWhen(node.no, outcome));
      // A branch that is the other outcome as a literal was not taken.
      if (isLiteral(node.no, !outcome)) return yes;
      return isLiteral(node.yes, !outcome) ? no : intersection(yes, no);
    }
    case "binary":
      return factsOfComparison(node.operator, node.left, node.right, outcome);
    default:
      return noFacts;
  }
}

function isLiteral(node: Node, value: unknown): boolean {
  return node.kind === "literal" && node.value === value;
}

function factsOfComparison(operator: string, left: Node, right: Node, outcome: boolean): NullFacts {
  const isEqual = (operator === "==" && outcome) || (operator === "!=" && !outcome);
  const isDifferent = (operator === "!=" && outcome) || (operator === "==" && !outcome);
  for (const [path, other] of [
    [left, right],
    [right, left],
  ] as const) {
    const key = keyOf(path);
    if (key === null) continue;
    if (isLiteral(other, null)) return isDifferent ? new Set([key]) : noFacts;
    const status = statusFacts(path, other, isEqual, isDifferent);
    if (status !== null) return status;
    // Equal to something that is not null: not null itself.
    if (isEqual && other.kind === "literal") return new Set([key]);
  }
  if (operator === "in" && outcome && right.kind === "list") {
    const statuses = right.items.map((item) => statusFacts(left, item, true, false) ?? noFacts);
    return statuses.length === 0 ? noFacts : statuses.reduce(intersection);
  }
  return noFacts;
}

const notRun = ["pending", "skipped"];

/** `steps.x.status == "succeeded"` (or anything but not run) says that its outputs and times are there. */
function statusFacts(node: Node, other: Node, isEqual: boolean, isDifferent: boolean): NullFacts | null {
  const path = pathOf(node)?.path;
  if (path === undefined || path[0] !== "steps" || path.at(-1) !== "status") return null;
  if (other.kind !== "literal" || typeof other.value !== "string") return null;
  const ran = (isEqual && !notRun.includes(other.value)) || (isDifferent && notRun.includes(other.value));
  return ran ? new Set([`${keyOfPath(path.slice(0, -1))}.*`]) : noFacts;
}

/** Whether facts say that this path is not null. */
export function isKnownPresent(node: Node, facts: NullFacts): boolean {
  const path = facts.size === 0 ? null : pathOf(node);
  if (path === null) return false;
  if (facts.has(keyOfPath(path.path))) return true;
  return path.path.some((_part, at) => at > 0 && facts.has(`${keyOfPath(path.path.slice(0, at))}.*`));
}

/** Facts without those about a name that a macro binds anew. */
export function withoutName(facts: NullFacts, name: string): NullFacts {
  const touched = [...facts].some((key) => key === name || key.startsWith(`${name}.`));
  return touched ? new Set([...facts].filter((key) => key !== name && !key.startsWith(`${name}.`))) : facts;
}
