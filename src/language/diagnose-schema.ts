/** Turns errors of the schema validator into one diagnostic per mistake, on the key or the value that is wrong. */
import { closest, editDistance, nearestHint } from "../util/closest.ts";
import { parseDurationMs } from "../util/duration.ts";
import { isObject } from "../util/json.ts";
import type { SchemaError } from "../util/schema-check.ts";
import type { DiagnosticCode } from "./codes.ts";
import type { Edit, Range } from "./diagnostic.ts";
import type { Findings } from "./findings.ts";
import type { Validator } from "./schema/validators.ts";
import {
  definitionOf,
  describeType,
  misplacedKey,
  schemaOfWith,
  textOf,
  typeHint,
  unknownKeyHint,
} from "./schema-words.ts";
import { escapePointer, lastKeyOf, parentOf, type Source, valueAt } from "./source.ts";

/** Validates `source.data`; true when it holds. */
export function diagnoseSchema({ schema, check }: Validator, source: Source, findings: Findings): boolean {
  const errors = check(source.data);
  if (errors.length === 0) return true;
  const unknown = unknownKeys(errors);
  const missing = new Map<string, Set<string>>();
  const said = new Set<string>();
  for (const error of errors.toSorted((a, b) => weight(a) - weight(b))) {
    const pointer = error.instancePath;
    if (error.keyword === "required") {
      const name = String(error.params["missingProperty"]);
      const near = unknown.get(pointer)?.some((key) => closest(key, [name]) === name) ?? false;
      if (!near) missing.set(pointer, (missing.get(pointer) ?? new Set()).add(name));
      continue;
    }
    const place =
      error.keyword === "additionalProperties"
        ? `${pointer}/${escapePointer(String(error.params["additionalProperty"]))}`
        : pointer;
    const key = error.propertyName === undefined ? place : `${pointer}/${escapePointer(error.propertyName)}#key`;
    if (said.has(key)) continue;
    said.add(key);
    if (error.propertyName !== undefined) badName(error, source, findings);
    else if (error.keyword === "additionalProperties") unknownKey(error, place, source, findings);
    else if (error.keyword === "false schema") misplacedKey(pointer, source, findings, schema);
    else {
      const { code, message, hint } = wrongValue(error, source);
      const at = error.keyword === "uniqueItems" ? `${pointer}/${String(error.params["i"])}` : pointer;
      findings.error(code, source.at(at), message, { hint, fix: at === "/version" ? wholeVersion(source) : undefined });
    }
  }
  for (const [pointer, names] of missing) missingKeys(pointer, [...names], errors, schema, source, findings);
  return false;
}

/** A wrong type hides what else is wrong with a value; a forbidden key hides what is wrong inside it. */
function weight(error: SchemaError): number {
  const order = ["false schema", "additionalProperties", "type", "const", "enum", "minLength", "pattern"];
  const index = order.indexOf(error.keyword);
  return index === -1 ? order.length : index;
}

function unknownKeys(errors: readonly SchemaError[]): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const error of errors) {
    if (error.keyword !== "additionalProperties") continue;
    const list = keys.get(error.instancePath) ?? [];
    list.push(String(error.params["additionalProperty"]));
    keys.set(error.instancePath, list);
  }
  return keys;
}

function badName(error: SchemaError, source: Source, findings: Findings): void {
  const name = error.propertyName!;
  const at = source.keyAt(`${error.instancePath}/${escapePointer(name)}`);
  const pattern = String((error.parentSchema as { pattern?: string } | undefined)?.pattern ?? "");
  const letters = pattern.includes("A-Z")
    ? "Letters, digits and _, not beginning with a digit."
    : pattern.includes("-]")
      ? "Lower-case letters, digits and -, beginning with a letter."
      : "Lower-case letters, digits and _, beginning with a letter.";
  findings.error("bad-name", at, `"${name}" cannot be a name here.`, { hint: letters });
}

function unknownKey(error: SchemaError, place: string, source: Source, findings: Findings): void {
  const name = lastKeyOf(place);
  const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  const at = source.keyAt(place);
  const present = Object.keys((error.data ?? {}) as object);
  const near = known.filter((key) => editDistance(name, key) <= 1);
  const [meant] = near;
  const isSure = near.length === 1 && !present.includes(meant!) && name.length > 2;
  findings.error("unknown-key", at, `${whatIs(error.instancePath, source)} has no key "${name}".`, {
    hint: unknownKeyHint(name, known, error.instancePath),
    fix: isSure ? renamedKey(source.text, at.range, name, meant!) : undefined,
  });
}

/** A key in quotes keeps them. */
function renamedKey(text: string, { start, end }: Range, name: string, meant: string): readonly Edit[] | undefined {
  const offset = text.slice(start, end).indexOf(name);
  if (offset === -1) return undefined;
  return [{ range: { start: start + offset, end: start + offset + name.length }, text: meant }];
}

function missingKeys(
  pointer: string,
  names: readonly string[],
  errors: readonly SchemaError[],
  root: unknown,
  source: Source,
  findings: Findings,
): void {
  const custom = errors.find(
    (e) =>
      e.keyword === "required" &&
      e.instancePath === pointer &&
      isObject(e.parentSchema) &&
      "errorMessage" in e.parentSchema,
  );
  if (custom !== undefined) {
    const message = String((custom.parentSchema as { errorMessage: string }).errorMessage);
    findings.error("no-action", source.keyAt(pointer), message, {
      hint: "For example run: [command, argument], or uses: with one of the step types.",
    });
    return;
  }
  if (lastKeyOf(pointer) === "until" && names.includes("timeout")) {
    const hint = "Add timeout: with the longest time to wait; waiting is not failing, but it must end.";
    findings.error("until-without-timeout", source.keyAt(pointer), '"until" has no "timeout": it might never end.', {
      hint,
    });
    if (names.length === 1) return;
  }
  const [missing] = names;
  const choice = names.length === 1 ? alternativeTo(pointer, missing!, root, source) : null;
  if (choice !== null) {
    const hint = `${choice.name}: ${choice.description} ${missing}: ${choice.missing}`;
    findings.error("missing-key", source.keyAt(pointer), `"with" needs "${choice.name}" or "${missing}".`, { hint });
    return;
  }
  const list = names.filter((name) => name !== "timeout" || lastKeyOf(pointer) !== "until").map((name) => `"${name}"`);
  const text = list.length === 1 ? list[0]! : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
  const first = errors.find(
    (e) => e.keyword === "required" && e.instancePath === pointer && e.params["missingProperty"] === names[0],
  );
  const data = valueAt(source.data, pointer);
  const type =
    isObject(data) && names.length === 1 && names[0] === "with"
      ? ` "${textOf(data["uses"])}" needs to be told what to do.`
      : "";
  findings.error("missing-key", source.keyAt(pointer), `${whatIs(pointer, source)} needs ${text}.${type}`, {
    hint:
      type === ""
        ? descriptionOf(root, first, names)
        : fieldsOf(root, textOf((data as Record<string, unknown>)["uses"])),
  });
}

/** The member of `with` that may stand instead of a missing one. */
function alternativeTo(
  pointer: string,
  missing: string,
  root: unknown,
  source: Source,
): { name: string; description: string; missing: string } | null {
  const schema = schemaOfWith(pointer, root, source);
  const otherwise = schema?.["else"];
  const condition = schema?.["if"];
  if (!isObject(schema?.["properties"]) || !isObject(otherwise) || !isObject(condition)) return null;
  const [name] = (condition["required"] ?? []) as readonly string[];
  const required = (otherwise["required"] ?? []) as readonly string[];
  if (name === undefined || required.length !== 1 || required[0] !== missing) return null;
  const properties = schema["properties"] as Properties;
  return { name, description: properties[name]?.description ?? "…", missing: properties[missing]?.description ?? "…" };
}

type Properties = Readonly<Record<string, { readonly description?: string }>>;

/** What each missing member is for, from the map of members that the failed `required` belongs to. */
function descriptionOf(root: unknown, error: SchemaError | undefined, names: readonly string[]): string | undefined {
  const nodes = [root];
  for (const name of error?.schemaPath ?? []) nodes.push((nodes.at(-1) as Record<string, unknown>)[name]);
  const node = nodes.findLast(
    (each): each is { properties: Properties } =>
      isObject(each) && isObject(each["properties"]) && names.every((name) => name in (each["properties"] as object)),
  );
  return node && describeAll(node.properties, names);
}

function describeAll(properties: Properties, names: readonly string[]): string {
  return names.map((name) => `${name}: ${properties[name]?.description ?? "…"}`).join(" ");
}

/** The members `with` must have for a step type. */
function fieldsOf(root: unknown, type: string): string | undefined {
  const node = definitionOf(type, root);
  if (node === null || !isObject(node["properties"])) return undefined;
  const then = isObject(node["then"]) ? node["then"] : {};
  const required = (node["required"] ?? then["required"] ?? []) as readonly string[];
  const short = required.map((name) => `${name}: …`).join(", ");
  return `Write with: { ${short} }. ${describeAll(node["properties"] as Properties, required)}`;
}

interface Wrong {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** `1.10`, which YAML reads as the number 1.1, and `"2"` mean 1.10.0 and 2.0.0. */
function wholeVersion(source: Source): readonly Edit[] | undefined {
  const position = source.positionOf("/version");
  const range = position?.token;
  if (range === undefined) return undefined;
  const written = /^(["']?)((?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))?)\1$/.exec(
    source.text.slice(range.start, range.end),
  );
  if (written === null) return undefined;
  return [{ range, text: `"${written[2]}${written[2]!.includes(".") ? ".0" : ".0.0"}"` }];
}

function wrong(code: DiagnosticCode, message: string, hint?: string): Wrong {
  return { code, message, hint };
}

function wrongValue(error: SchemaError, source: Source): Wrong {
  const pointer = error.instancePath;
  const name = /^\d+$/.test(lastKeyOf(pointer)) ? lastKeyOf(parentOf(pointer)) : lastKeyOf(pointer);
  const data = error.data;
  const schema = (isObject(error.parentSchema) ? error.parentSchema : {}) as Record<string, unknown>;
  switch (error.keyword) {
    case "type": {
      const all = ([] as string[]).concat(error.params["type"] as string | string[]);
      const hole =
        isObject(schema["then"]) && /, or a hole\.$/.test(String(schema["then"]["patternErrorMessage"] ?? ""));
      const expected = hole ? all.filter((type) => type !== "string") : all;
      const range = source.rangeOf(pointer);
      const text = source.text.slice(range.start, range.end);
      const what = pointer === "" ? "The file" : /\/\d+$/.test(pointer) ? `An item of "${name}"` : `"${name}"`;
      return wrong(
        "wrong-type",
        `${what} must be ${expected.map(describeType).join(" or ")}${hole ? ", or a hole" : ""}, not ${typeName(data)}.`,
        typeHint({ name, isItem: /\/\d+$/.test(pointer), expected, data, written: text, schema }),
      );
    }
    case "const":
      if (name === "apiVersion") return apiVersion(data);
      return wrong("unknown-value", `"${name}" must be ${JSON.stringify(error.params["allowedValue"])}.`);
    case "enum": {
      const allowed = (error.params["allowedValues"] as unknown[]).map(String);
      if (name === "uses")
        return wrong("unknown-step-type", `"${textOf(data)}" is not a step type.`, stepTypeHint(textOf(data), allowed));
      return wrong(
        "unknown-value",
        `"${short(data)}" is not a value of "${name}".`,
        nearestHint(textOf(data), allowed),
      );
    }
    case "pattern":
      return badText(name, textOf(data), schema);
    case "minItems":
    case "minProperties":
      return wrong(
        "empty-value",
        `"${name}" is empty.`,
        Array.isArray(data)
          ? "Give it at least one item, or remove the key."
          : "Give it at least one member, or remove the key.",
      );
    case "minLength":
      return wrong(
        "empty-value",
        `"${name}" ${data === "" ? "is empty" : `is shorter than ${String(error.params["limit"])} characters`}.`,
      );
    case "uniqueItems":
      return wrong(
        "duplicate-value",
        `"${name}" holds an item twice (${short((data as unknown[])[error.params["j"] as number])}).`,
      );
    case "maxLength":
      return wrong(
        "bad-value",
        `"${name}" is longer than ${String(error.params["limit"])} characters.`,
        "Put long text into a file, long conditions into several.",
      );
    case "minimum":
    case "maximum":
      return wrong(
        "bad-value",
        `"${name}" must be ${error.keyword === "minimum" ? "at least" : "at most"} ${String(error.params["limit"])}.`,
      );
    default:
      return wrong("bad-value", `"${name}" ${error.message ?? "is not valid"}.`);
  }
}

function apiVersion(data: unknown): Wrong {
  const newer = typeof data === "string" && /^runbook\/v([2-9]|[1-9][0-9]+)/.test(data);
  if (newer)
    return wrong(
      "unknown-api-version",
      `"${data}" is newer than this tool, which knows runbook/v1.`,
      "Use a version of runbook that knows it, or write runbook/v1.",
    );
  return wrong("unknown-api-version", `"${short(data)}" is not a version of the language.`, "Write runbook/v1.");
}

function stepTypeHint(given: string, allowed: readonly string[]): string {
  const near = nearestHint(given, allowed, 0);
  if (near !== undefined) return near;
  const folder = given.split("/")[0]!;
  const siblings = allowed.filter((type) => type.startsWith(`${folder}/`));
  if (siblings.length > 0) return `Types of ${folder}: ${siblings.join(", ")}.`;
  const alike: Record<string, string> = {
    shell: "script",
    bash: "script",
    sh: "script",
    command: "run: (its own key)",
    exec: "run: (its own key)",
    curl: "http",
    request: "http",
    sleep: "wait",
    psql: "sql",
    run: "run: (its own key)",
    assert: "eval",
    prompt: "manual",
  };
  return alike[given] === undefined ? `Allowed: ${allowed.join(", ")}.` : `Did you mean ${alike[given]}?`;
}

function badText(name: string, data: string, schema: Record<string, unknown>): Wrong {
  const hint = typeof schema["patternErrorMessage"] === "string" ? schema["patternErrorMessage"] : undefined;
  const quoted = `"${short(data)}"`;
  if (name === "id" || name === "as") {
    const fixed = data
      .toLowerCase()
      .replace(/[^a-z0-9_]+/g, "_")
      .replace(/^[^a-z]+/, "");
    return wrong(
      "bad-id",
      `${quoted} cannot be an id: lower-case letters, digits and _.`,
      fixed === "" ? hint : `Write ${fixed}; in an expression - means minus.`,
    );
  }
  if (/^Write a duration/.test(hint ?? "")) {
    if (parseDurationMs(data) === 0)
      return wrong("bad-duration", `${quoted} is no time at all.`, "Write how long it may take, such as 90s.");
    return wrong("bad-duration", `${quoted} is not a duration.`, hint);
  }
  const needed = /^Write (.*), or a hole\.$/.exec(hint ?? "");
  if (needed !== null) {
    const types = needed[1]!.split(" or ");
    const words = `"${name}" must be ${types.map(describeType).join(" or ")}, or a hole, not a text.`;
    const near = typeHint({ name, isItem: false, expected: types, data, written: data, schema: {} });
    return wrong("wrong-type", words, near ?? "A value that is known later is written ${{ … }}.");
  }
  if (name === "version") return wrong("bad-version", `${quoted} is not a version.`, hint);
  if (name === "secrets" || name === "name") return wrong("bad-name", `${quoted} cannot be a name.`, hint);
  if ((name === "title" || name === "owner") && /[\r\n]/.test(data))
    return wrong("bad-value", `"${name}" must be one line.`);
  return wrong("bad-value", `${quoted} is not a value of "${name}".`, hint);
}

function typeName(data: unknown): string {
  if (data === null) return "empty";
  if (Array.isArray(data)) return "a list";
  if (typeof data === "object") return "a map";
  if (typeof data === "string") return "a text";
  return typeof data === "boolean" ? `${data}` : `the number ${textOf(data)}`;
}

function short(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  const line = text.replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

/** Names the map a pointer stands for, as the subject of a sentence. */
function whatIs(pointer: string, source: Source): string {
  if (pointer === "") return source.file.endsWith("runbook.config.yaml") ? "The project file" : "A runbook";
  const key = lastKeyOf(pointer);
  const parent = lastKeyOf(parentOf(pointer));
  if (/^\d+$/.test(key)) {
    if (["steps", "guards", "always", "parallel", "rollback"].includes(parent)) return "A step";
    return `An item of "${parent}"`;
  }
  if (["inputs", "targets", "windows", "objectives"].includes(parent)) return `"${key}" in "${parent}"`;
  return `"${key}"`;
}
