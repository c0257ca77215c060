/** Result types of binary operators. */
import { closest, editDistance } from "../../util/closest.ts";
import type { Checker } from "./check.ts";
import type { Node, NodeOf } from "./syntax.ts";
import { parseDuration } from "./time.ts";
import * as t from "./types.ts";

export function binaryType(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  switch (node.operator) {
    case "==":
    case "!=":
      return equality(checker, node, left, right);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return order(checker, node, left, right);
    case "in":
      return membership(checker, node, left, right);
    default:
      return arithmetic(checker, node, left, right);
  }
}

function wrong(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  const message = `"${node.operator}" does not work between ${t.describeType(left)} and ${t.describeType(right)}.`;
  return checker.report("cel-type", message, node, mixHint(checker, node, left, right));
}

/** How to bring the two sides to one type. */
function mixHint(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): string | undefined {
  for (const [type, side, other] of [
    [left, node.left, right],
    [right, node.right, left],
  ] as const) {
    const source = checker.source(side);
    if (source.length > 60) continue;
    if (type.kind === "string") {
      if (other.kind === "timestamp" || other.kind === "duration" || other.kind === "semver") {
        const isLength = side.kind === "literal" && parseDuration(String(side.value)) !== null;
        const name = other.kind === "timestamp" && isLength ? "duration" : other.kind;
        return `Write ${name}(${source}).`;
      }
      if (t.isNumber(other) && node.operator !== "+") {
        return side.kind === "literal" && Number.isFinite(Number(side.value || "x"))
          ? `Leave out the quotes: ${literalText(side)}.`
          : `Write int(${source}) or double(${source}).`;
      }
    }
    if (node.operator === "+" && other.kind === "string" && (t.isNumber(type) || type.kind === "boolean")) {
      return `Write string(${source}).`;
    }
    if (type.kind === "boolean" && other.kind === "string" && side.kind === "literal") return "Compare with a string.";
  }
  return undefined;
}

function literalText(node: NodeOf<"literal">): string {
  return String(node.value);
}

function isTimed(type: t.Type): boolean {
  return type.kind === "timestamp" || type.kind === "duration";
}

function comparable(left: t.Type, right: t.Type): boolean {
  if (left.kind === "dyn" || right.kind === "dyn") return true;
  return left.kind === right.kind || (t.isNumber(left) && t.isNumber(right));
}

function equality(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  if (!comparable(left, right)) {
    const never = node.operator === "==" ? "never equal" : "always different";
    const message = `${capital(t.describeType(left))} and ${t.describeType(right)} are ${never}.`;
    checker.report("cel-type", message, node, mixHint(checker, node, left, right));
    return t.boolean;
  }
  checkEnum(checker, left, node.right);
  checkEnum(checker, right, node.left);
  return t.boolean;
}

/** A text that a value cannot have: `status == "sucess"`. */
function checkEnum(checker: Checker, type: t.Type, other: Node): void {
  const values = type.schema["enum"];
  if (!Array.isArray(values) || other.kind !== "literal" || typeof other.value !== "string") return;
  const texts = values.filter((value): value is string => typeof value === "string");
  if (texts.length !== values.length || texts.includes(other.value)) return;
  const near = closest(other.value, texts);
  const all = `It is one of: ${texts.join(", ")}.`;
  const hint =
    near === undefined ? all : `Did you mean "${near}"?${editDistance(other.value, near) > 1 ? ` ${all}` : ""}`;
  checker.report("impossible-value", `It is never "${other.value}".`, other, hint);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const unordered: readonly t.TypeKind[] = ["list", "object", "null"];

function order(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  const fits = comparable(left, right) && !unordered.includes(left.kind) && !unordered.includes(right.kind);
  if (!fits) wrong(checker, node, left, right);
  return t.boolean;
}

function membership(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  if (right.kind === "dyn") return t.boolean;
  if (right.kind === "object") {
    if (left.kind !== "string" && left.kind !== "dyn") wrong(checker, node, left, right);
    return t.boolean;
  }
  if (right.kind !== "list") {
    const hint =
      right.kind === "string" ? `For a part of a text write ${checker.source(node.right)}.contains(…).` : undefined;
    checker.report("cel-type", `"in" needs a list or a map; this is ${t.describeType(right)}.`, node.right, hint);
    return t.boolean;
  }
  const item = t.nonNull(t.itemType(right));
  if (!comparable(left, item)) {
    const message = `${capital(t.describeType(left))} is never in a list of which each is ${t.describeType(item)}.`;
    checker.report("cel-type", message, node);
  }
  if (node.right.kind === "list") for (const element of node.right.items) checkEnum(checker, left, element);
  return t.boolean;
}

function arithmetic(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  if (left.kind === "dyn" || right.kind === "dyn") return dynamicResult(node, left, right);
  if (t.isNumber(left) && t.isNumber(right)) return numeric(checker, node, left, right);
  const { operator } = node;
  if (operator === "+") {
    if (left.kind === "string" && right.kind === "string") return t.string;
    if (left.kind === "list" && right.kind === "list") return t.listOf(t.join(t.itemType(left), t.itemType(right)));
    if (left.kind === "duration" && isTimed(right)) return { ...right, nullable: false };
    if (left.kind === "timestamp" && right.kind === "duration") return t.timestamp;
  }
  if (operator === "-" && isTimed(left) && isTimed(right)) {
    if (left.kind === right.kind) return t.duration;
    if (left.kind === "timestamp") return t.timestamp;
  }
  return wrong(checker, node, left, right);
}

/** Beside an unchecked value the other side says what it must be. */
function dynamicResult({ operator }: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  const known = left.kind === "dyn" ? right : left;
  return operator === "+" && known.kind === "string" ? t.string : t.dyn;
}

function numeric(checker: Checker, node: NodeOf<"binary">, left: t.Type, right: t.Type): t.Type {
  const { operator } = node;
  if (operator === "%" && (left.kind !== "integer" || right.kind !== "integer")) {
    return checker.report("cel-type", '"%" works between whole numbers only.', node, "Write int(…) around the other.");
  }
  if (left.kind === right.kind && left.kind !== "number") return left.kind === "integer" ? t.integer : t.double;
  if (operator === "/" && left.kind !== "double" && right.kind !== "double") {
    const source = checker.source(left.kind === "number" ? node.left : node.right);
    const message = `Whether this cuts off the fraction depends on the value: ${source} may be whole or not.`;
    return checker.report("cel-type", message, node, `Write double(${source}).`);
  }
  if (left.kind === "number" || right.kind === "number") return t.number;
  const whole = left.kind === "integer" ? node.left : node.right;
  const hint = `Write double(${checker.source(whole)}).`;
  return checker.report("cel-type", `"${operator}" does not mix whole numbers and others.`, node, hint);
}
