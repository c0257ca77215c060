/** Checks every expression of a runbook where it stands, in the order the steps run. */
import type { JsonSchema } from "../../util/json.ts";
import { isObject } from "../../util/json.ts";
import type { Data } from "../plain-data.ts";
import type { Runbook, Step } from "../runbook.ts";
import { escapePointer, lastKeyOf, valueAt } from "../source.ts";
import { parseTemplate } from "../template.ts";
import type { LintContext } from "./context.ts";
import { ExpressionChecker, type Use } from "./expression-checker.ts";
import type { Where } from "./reference-rules.ts";
import { commonVariables, type Entry, ownVariables } from "./scope.ts";
import { membersOf } from "./step-tree.ts";

/** Returns what the expressions read, for the rules about unused names. */
export function lintExpressions(context: LintContext): Use {
  return new Walk(context).runbook();
}

class Walk {
  readonly #context: LintContext;
  readonly #runbook: Runbook;
  readonly #checker: ExpressionChecker;

  constructor(context: LintContext) {
    this.#context = context;
    this.#runbook = context.runbook;
    this.#checker = new ExpressionChecker(context, commonVariables(context));
  }

  runbook(): Use {
    const { guards, steps, always, env, concurrency, objectives, notify } = this.#runbook;
    const top: Where = {
      entries: new Map(),
      root: new Map(),
      inside: new Set(),
      assuming: [],
      bindings: {},
      allMayBeAbsent: false,
      stepsKnown: false,
    };
    for (const name of Object.keys(env))
      this.#text(`/env/${escapePointer(name)}`, top, { secrets: true, nullAllowed: true });
    if (concurrency !== null) this.#text("/concurrency", top, {});
    const where: Where = { ...top, entries: new Map(), stepsKnown: true };
    const reading = { ...where, root: where.entries };
    this.#list(guards, reading);
    this.#list(steps, reading);
    for (const name of Object.keys(objectives)) {
      const pointer = `/objectives/${escapePointer(name)}/measure`;
      if (objectives[name]!.measure !== null) this.#checker.bare(pointer, reading, { expects: "duration" });
    }
    const afterwards = { ...reading, allMayBeAbsent: true };
    this.#list(always, afterwards);
    for (const [i, item] of notify.entries()) this.#with(item.type, item.with, `/notify/${i}/with`, afterwards);
    return this.#checker.use;
  }

  #list(steps: readonly Step[], where: Where): void {
    for (const step of steps) {
      const entry = this.#step(step, where);
      // Of two steps with one id, which is an error, the first is the one that is read.
      if (step.id !== "" && !where.entries.has(step.id)) where.entries.set(step.id, entry);
    }
  }

  #step(step: Step, where: Where): Entry {
    const { pointer } = step;
    if (step.if !== null) this.#checker.bare(`${pointer}/if`, where, { expects: "boolean", nullAllowed: false });
    const list = step.forEach === null ? {} : this.#text(`${pointer}/forEach/in`, where, { expects: "array" });
    const item = isObject(list["items"]) ? list["items"] : {};
    const inner: Where = {
      ...where,
      assuming: step.if === null ? where.assuming : [...where.assuming, step.if],
      bindings:
        step.forEach === null
          ? where.bindings
          : { ...where.bindings, [step.forEach.as]: item, index: { type: "integer" } },
    };
    this.#text(`${pointer}/title`, inner, {});
    if (step.note !== null) this.#text(`${pointer}/note`, inner, {});
    const entry: Entry = {
      step,
      outputs: {},
      mayBeAbsent: step.if !== null || step.continueOnFailure,
      members: step.action.kind === "group" || step.action.kind === "parallel" ? new Map() : null,
    };
    if (entry.members !== null) this.#members(step, entry, inner);
    else if (step.action.kind === "runbook") this.#with(null, step.action.with, `${pointer}/with`, inner);
    else this.#leaf(step, entry, inner);
    if (step.forEach !== null) asLists(entry);
    this.#undo(step, entry, inner);
    return entry;
  }

  /** Members of a group see those before them; members of a parallel block do not see each other. */
  #members(step: Step, entry: Entry, where: Where): void {
    const own = new Map(entry.members);
    const visible: Entry = { ...entry, members: own };
    const before = where.entries.get(step.id);
    where.entries.set(step.id, visible);
    const inside = { ...where, inside: new Set([...where.inside, step]), entries: own };
    const isParallel = step.action.kind === "parallel";
    const finished: Entry[] = [];
    for (const member of membersOf(step)) {
      const done = this.#step(member, inside);
      finished.push(done);
      if (!isParallel && member.id !== "") own.set(member.id, done);
    }
    for (const done of finished) entry.members!.set(done.step.id, done);
    restore(where.entries, step.id, before);
  }

  #leaf(step: Step, entry: Entry, where: Where): void {
    const { pointer, action } = step;
    const type = action.kind === "run" ? "run" : action.kind === "uses" ? action.type : "";
    const result = this.#context.catalogue.get(type)?.result ?? {};
    if (action.kind === "run") this.#command(`${pointer}/run`, where);
    else if (action.kind === "uses") this.#with(type, action.with, `${pointer}/with`, where);
    for (const name of Object.keys(step.env)) {
      this.#text(`${pointer}/env/${escapePointer(name)}`, where, { secrets: true, nullAllowed: true });
    }
    for (const key of ["cwd", "stdin"] as const) if (step[key] !== null) this.#text(`${pointer}/${key}`, where, {});
    const beforeOutputs = { ...where, bindings: { ...where.bindings, ...ownVariables(result, null) } };
    for (const name of Object.keys(step.outputs)) {
      const type = this.#checker.bare(`${pointer}/outputs/${escapePointer(name)}`, beforeOutputs, {
        expects: "any",
        nullAllowed: true,
      });
      entry.outputs[name] = type;
    }
    const own = { ...where, bindings: { ...where.bindings, ...ownVariables(result, entry.outputs) } };
    if (step.until !== null)
      this.#checker.bare(`${pointer}/until/that`, own, { expects: "boolean", verification: true });
    this.#verify(step, own);
    this.#check(step, where);
  }

  #verify(step: Step, own: Where): void {
    const list = valueAt(this.#context.source.data, `${step.pointer}/verify`);
    if (!Array.isArray(list)) return;
    const conditions = list
      .map((item) => (isObject(item) ? item["that"] : item))
      .filter((that): that is string => typeof that === "string");
    for (const [i, item] of list.entries()) {
      const pointer = `${step.pointer}/verify/${i}`;
      const place = isObject(item) ? `${pointer}/that` : pointer;
      // A size test in one condition counts for the others; the condition itself is looked at anyway.
      this.#checker.bare(place, own, { expects: "boolean", verification: true, beside: conditions });
      if (!isObject(item)) continue;
      if (typeof item["message"] === "string") this.#text(`${pointer}/message`, own, {});
      if (typeof item["show"] === "string")
        this.#checker.bare(`${pointer}/show`, own, { expects: "any", nullAllowed: true });
    }
  }

  #check(step: Step, where: Where): void {
    if (step.check === null) return;
    const pointer = `${step.pointer}/check`;
    const { action } = step.check;
    const type = action.kind === "run" ? "run" : action.type;
    if (action.kind === "run") this.#command(`${pointer}/run`, where);
    else this.#with(type, action.with, `${pointer}/with`, where);
    const result = this.#context.catalogue.get(type)?.result ?? {};
    const own = { ...where, bindings: { ...where.bindings, ...ownVariables(result, null) } };
    this.#checker.bare(`${pointer}/that`, own, { expects: "boolean", verification: true });
  }

  /** The step being undone may have failed half-way, so all it gave may be missing. */
  #undo(step: Step, entry: Entry, where: Where): void {
    if (step.rollback.length === 0 || step.id === "") return;
    const before = where.entries.get(step.id);
    where.entries.set(step.id, { ...entry, mayBeAbsent: true });
    // Undo steps are not in `steps`, so they see neither each other nor later steps.
    for (const undo of step.rollback) this.#step(undo, { ...where, entries: new Map() });
    restore(where.entries, step.id, before);
  }

  #command(pointer: string, where: Where): void {
    const value = valueAt(this.#context.source.data, pointer);
    if (Array.isArray(value)) for (const i of value.keys()) this.#text(`${pointer}/${i}`, where, { isItem: true });
    else this.#text(pointer, where, {});
  }

  #text(pointer: string, where: Where, options: Parameters<ExpressionChecker["template"]>[2]): JsonSchema {
    return this.#checker.template(pointer, where, options);
  }

  /** Every text inside `with`, checked against what the step type expects there. `type` null: inputs of a used runbook. */
  #with(type: string | null, given: Data, pointer: string, where: Where): void {
    const step = type === null ? undefined : this.#context.catalogue.get(type);
    const required = (step?.input["required"] ?? []) as readonly string[];
    const visit = (value: unknown, place: string, path: readonly string[], schema: unknown): void => {
      if (typeof value === "string") {
        if (path.length === 1 && step?.literalFields.includes(path[0]!)) {
          this.#literal(place, value);
          return;
        }
        // What an unknown type would do with a secret cannot be said; the type is the mistake.
        const secrets = type !== null && (step?.secretFields.some((field) => matches(field, path)) ?? true);
        const isItem = /^\d+$/.test(path.at(-1) ?? "");
        const nullAllowed = !isItem && !(path.length === 1 && required.includes(path[0]!));
        this.#text(place, where, { secrets, nullAllowed, isItem, schema: isObject(schema) ? schema : undefined });
        return;
      }
      if (value === null || typeof value !== "object") return;
      const isList = Array.isArray(value);
      for (const [key, member] of Object.entries(value)) {
        visit(
          member,
          `${place}/${escapePointer(key)}`,
          [...path, key],
          isList ? itemSchema(schema) : memberSchema(schema, key),
        );
      }
    };
    for (const [key, value] of Object.entries(given)) {
      visit(value, `${pointer}/${escapePointer(key)}`, [key], memberSchema(step?.input, key));
    }
  }

  #literal(pointer: string, text: string): void {
    const { source, findings } = this.#context;
    for (const part of parseTemplate(text).parts) {
      if (part.kind !== "hole") continue;
      const at = { file: source.file, range: source.rangeIn(pointer, part.outer) };
      const name = lastKeyOf(pointer);
      const isSql = name === "query";
      const hole = `"\${{ ${part.expression} }}"`;
      findings.error(
        "hole-in-script",
        at,
        `"${name}" holds no holes: a value must never become ${isSql ? "SQL" : "shell"} text.`,
        {
          hint: isSql
            ? `Give it by values: { name: ${hole} } and write :'name'.`
            : `Give it by env: { NAME: ${hole} } and write "$NAME".`,
        },
      );
      this.#checker.note(part.expression);
    }
  }
}

function restore(entries: Map<string, Entry>, id: string, before: Entry | undefined): void {
  if (before === undefined) entries.delete(id);
  else entries.set(id, before);
}

/** Outside a forEach each output is the list of the items' outputs. */
function asLists(entry: Entry): void {
  entry.outputs = Object.fromEntries(
    Object.entries(entry.outputs).map(([name, schema]) => [name, { type: "array", items: schema } as JsonSchema]),
  );
  for (const member of entry.members?.values() ?? []) {
    member.outputs = Object.fromEntries(Object.keys(member.outputs).map((name) => [name, {}]));
    asLists({ ...member, outputs: {} });
  }
}

function memberSchema(schema: unknown, key: string): unknown {
  if (!isObject(schema)) return undefined;
  const properties = schema["properties"];
  if (isObject(properties) && Object.hasOwn(properties, key)) return properties[key];
  return schema["additionalProperties"];
}

function itemSchema(schema: unknown): unknown {
  return isObject(schema) ? schema["items"] : undefined;
}

/** `headers.*` matches every member of `headers`; `password` the field itself. */
function matches(field: string, path: readonly string[]): boolean {
  const parts = field.split(".");
  if (parts.length !== path.length && parts.at(-1) !== "**") return false;
  return parts.every((part, i) => part === "*" || part === "**" || part === path[i]);
}
