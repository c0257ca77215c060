/**
 * Checks values against a JSON Schema (draft 2020-12, the keywords below) and tells every mistake. A schema is made into
 * functions, each part when a value first gets there: of the schemas of all step types a runbook pays for those it uses.
 * Words and order of the errors are Ajv's; `if` and `propertyNames` tell only what their parts found.
 */
import { isObject, type JsonSchema } from "./json.ts";

export interface SchemaError {
  readonly keyword: string;
  /** JSON Pointer to the value; of a wrong name, to the object that has it. */
  readonly instancePath: string;
  /** Names and indices from the root of the schema, beyond any `$ref`, to the keyword. */
  readonly schemaPath: readonly string[];
  readonly params: Readonly<Record<string, unknown>>;
  /** `must be string`. */
  readonly message: string;
  /** The schema that has the keyword. */
  readonly parentSchema: JsonSchema;
  readonly data: unknown;
  /** Set when the name is wrong and not its value. */
  readonly propertyName?: string;
}

/** Every mistake, in a fixed order; none = the value is valid. */
export type SchemaCheck = (value: unknown) => readonly SchemaError[];

export interface SchemaOptions {
  /** How a `pattern` is matched; default the engine of the language, with the flag `u`. Give one for patterns of others. */
  readonly matcher?: (pattern: string) => (text: string) => boolean;
  /** Whether a text has a `format`; null = that one is not checked. Default none is: it is an annotation. */
  readonly format?: (name: string) => ((text: string) => boolean) | null;
}

/** Throws at a keyword it does not know, when a value first gets there: ours are all known, and a test says so. */
export function schemaCheck(schema: JsonSchema, options: SchemaOptions = {}): SchemaCheck {
  const matcher = options.matcher ?? expressionOf;
  const check = lazily(
    { root: schema, matcher, format: options.format ?? (() => null), references: new Map() },
    { schema },
    "schema",
    [],
  );
  return (value) => {
    const found: SchemaError[] = [];
    check(value, "", found);
    return found;
  };
}

/** Whether the value holds. Without a list to put mistakes into, the first one is enough. */
type Check = (value: unknown, at: string, found: SchemaError[] | null) => boolean;

interface Context {
  readonly root: JsonSchema;
  readonly matcher: (pattern: string) => (text: string) => boolean;
  readonly format: (name: string) => ((text: string) => boolean) | null;
  readonly references: Map<string, Check>;
}

/** One keyword of one schema. */
interface Part {
  readonly context: Context;
  readonly schema: JsonSchema;
  readonly given: unknown;
  readonly path: readonly string[];
}

/** Annotations, for people and editors, and what other keywords look at. */
const silent = new Set(
  "$schema $id $defs title description default examples then else markdownDescription enumDescriptions markdownEnumDescriptions patternErrorMessage errorMessage defaultSnippets".split(
    " ",
  ),
);

/** In the order they are told. */
const keywords: Readonly<Record<string, (part: Part) => Check>> = {
  type: (part) => {
    const types = ([] as string[]).concat(part.given as string | string[]);
    const tell = teller(part, `must be ${types.join(",")}`, { type: part.given });
    return (value, at, found) => types.some((type) => hasType(value, type)) || tell(value, at, found);
  },
  maximum: limit("number", (value, most) => value <= most, "must be <= #", "<="),
  minimum: limit("number", (value, least) => value >= least, "must be >= #", ">="),
  maxLength: limit("string", (value, most) => lengthOf(value) <= most, "must NOT have more than # characters"),
  minLength: limit("string", (value, least) => lengthOf(value) >= least, "must NOT have fewer than # characters"),
  pattern: (part) => {
    const pattern = part.given as string;
    const matches = part.context.matcher(pattern);
    const tell = teller(part, `must match pattern "${pattern}"`, { pattern });
    return (value, at, found) => typeof value !== "string" || matches(value) || tell(value, at, found);
  },
  format: (part) => {
    const format = part.given as string;
    const fits = part.context.format(format);
    if (fits === null) return valid;
    const tell = teller(part, `must match format "${format}"`, { format });
    return (value, at, found) => typeof value !== "string" || fits(value) || tell(value, at, found);
  },
  $ref: ({ context, given }) => {
    const reference = given as string;
    const known = context.references.get(reference);
    if (known !== undefined) return known;
    const [start, ...path] = reference.split("/");
    const schema = path.reduce<unknown>((node, name) => (isObject(node) ? node[name] : undefined), context.root);
    if (start !== "#" || schema === undefined) throw new Error(`there is no schema ${reference}`);
    const check = lazily(context, { schema }, "schema", path);
    context.references.set(reference, check);
    return check;
  },
  const: (part) => {
    const tell = teller(part, "must be equal to constant", { allowedValue: part.given });
    return (value, at, found) => isEqual(value, part.given) || tell(value, at, found);
  },
  enum: (part) => {
    const allowed = part.given as unknown[];
    const tell = teller(part, "must be equal to one of the allowed values", { allowedValues: allowed });
    const scalars = allowed.every(isScalar) ? new Set(allowed) : null;
    return (value, at, found) =>
      (scalars?.has(value) ?? allowed.some((each) => isEqual(value, each))) || tell(value, at, found);
  },
  not: (part) => {
    const check = lazily(part.context, part.schema, "not", part.path);
    const tell = teller(part, "must NOT be valid", {});
    return (value, at, found) => !check(value, at, null) || tell(value, at, found);
  },
  allOf: ({ context, given, path }) =>
    all(Object.keys(given as unknown[]).map((index) => lazily(context, given as object, index, [...path, index]))),
  if: ({ context, schema, path }) => {
    const branch = (name: string) =>
      name in schema ? lazily(context, schema, name, [...path.slice(0, -1), name]) : valid;
    const condition = constantAsked(schema["if"]) ?? branch("if");
    const [yes, no] = [branch("then"), branch("else")];
    return (value, at, found) => (condition(value, at, null) ? yes : no)(value, at, found);
  },
  maxItems: limit("array", (value, most) => value.length <= most, "must NOT have more than # items"),
  minItems: limit("array", (value, least) => value.length >= least, "must NOT have fewer than # items"),
  items: ({ context, schema, path }) => {
    const check = lazily(context, schema, "items", path);
    return (value, at, found) =>
      !Array.isArray(value) || every(value, found, (item, index) => check(item, `${at}/${index}`, found));
  },
  uniqueItems: (part) => (value, at, found) => {
    if (part.given !== true || !Array.isArray(value)) return true;
    const scalars = new Set<unknown>();
    for (const [i, item] of value.entries()) {
      const isNew = isScalar(item) ? !scalars.has(item) : !value.slice(0, i).some((other) => isEqual(item, other));
      scalars.add(item);
      if (isNew) continue;
      const j = value.findIndex((other) => isEqual(item, other));
      const message = `must NOT have duplicate items (items ## ${i} and ${j} are identical)`;
      return teller(part, message, { i: j, j: i })(value, at, found);
    }
    return true;
  },
  minProperties: limit(
    "object",
    (value, least) => Object.keys(value).length >= least,
    "must NOT have fewer than # properties",
  ),
  required: (part) => {
    const tellers = (part.given as string[]).map(
      (name) => [name, teller(part, `must have required property '${name}'`, { missingProperty: name })] as const,
    );
    return (value, at, found) =>
      !isObject(value) || every(tellers, found, ([name, tell]) => Object.hasOwn(value, name) || tell(value, at, found));
  },
  propertyNames: ({ context, schema, path }) => {
    const check = lazily(context, schema, "propertyNames", path);
    return (value, at, found) =>
      !isObject(value) ||
      every(Object.keys(value), found, (propertyName) => {
        const wrong: SchemaError[] | null = found === null ? null : [];
        const holds = check(propertyName, at, wrong);
        for (const error of wrong ?? []) found?.push({ ...error, propertyName });
        return holds;
      });
  },
  additionalProperties: (part) => {
    const known = new Set(Object.keys((part.schema["properties"] ?? {}) as object));
    const check = lazily(part.context, part.schema, "additionalProperties", part.path);
    const tell = (name: string) => teller(part, "must NOT have additional properties", { additionalProperty: name });
    return (value, at, found) =>
      !isObject(value) ||
      every(Object.keys(value), found, (name) => {
        if (known.has(name)) return true;
        return part.given === false ? tell(name)(value, at, found) : check(value[name], below(at, name), found);
      });
  },
  properties: ({ context, given, path }) => {
    const checks = Object.keys(given as object).map(
      (name) => [name, `/${escaped(name)}`, lazily(context, given as object, name, [...path, name])] as const,
    );
    return (value, at, found) =>
      !isObject(value) ||
      every(
        checks,
        found,
        ([name, step, check]) => !Object.hasOwn(value, name) || check(value[name], at + step, found),
      );
  },
};

const order = Object.keys(keywords);

const valid: Check = () => true;

/** The check of one member of a schema, which is looked at when a value first gets there. */
function lazily(context: Context, parent: object, name: string, path: readonly string[]): Check {
  let check: Check | undefined;
  return (value, at, found) => {
    check ??= checkOf(context, (parent as JsonSchema)[name], path);
    return check(value, at, found);
  };
}

function checkOf(context: Context, schema: unknown, path: readonly string[]): Check {
  if (schema === true) return valid;
  if (schema === false)
    return teller(
      { context, schema: {}, given: false, path: [...path, "false schema"] },
      "boolean schema is false",
      {},
    );
  if (!isObject(schema)) throw new Error(`${path.join("/")} is no schema`);
  const unknown = Object.keys(schema).find((name) => !Object.hasOwn(keywords, name) && !silent.has(name));
  if (unknown !== undefined) throw new Error(`${path.join("/")}: the keyword ${unknown} is not checked`);
  return all(
    order
      .filter((name) => name in schema)
      .map((name) => keywords[name]!({ context, schema, given: schema[name], path: [...path, name] })),
  );
}

/**
 * The condition by which a schema tells the kinds of an object apart, "a member has this value", as one comparison: every
 * step is asked for each of its possible types. Null for any other condition.
 */
function constantAsked(condition: unknown): Check | null {
  if (!isObject(condition) || !isObject(condition["properties"])) return null;
  const { type, properties, required, ...others } = condition;
  const [[name, member] = [], second] = Object.entries(properties as object);
  const isAlone = second === undefined && Object.keys(others).length === 0 && type === "object";
  if (name === undefined || !isAlone || !isEqual(required, [name])) return null;
  if (!isObject(member) || !isEqual(Object.keys(member), ["const"]) || !isScalar(member["const"])) return null;
  const constant = member["const"];
  return (value) => isObject(value) && Object.hasOwn(value, name) && value[name] === constant;
}

function all(checks: readonly Check[]): Check {
  if (checks.length === 1) return checks[0]!;
  return (value, at, found) => every(checks, found, (check) => check(value, at, found));
}

/** As `Array.every`, but goes on after a mistake when mistakes are collected. */
function every<T>(
  items: readonly T[],
  found: SchemaError[] | null,
  holds: (item: T, index: number) => boolean,
): boolean {
  let good = true;
  for (let index = 0; index < items.length; index++) {
    if (holds(items[index]!, index)) continue;
    if (found === null) return false;
    good = false;
  }
  return good;
}

/** Puts one mistake on the list; never holds. */
function teller(part: Part, message: string, params: SchemaError["params"]): Check {
  const { schema: parentSchema, path: schemaPath } = part;
  const keyword = schemaPath.at(-1)!;
  return (data, instancePath, found) => {
    found?.push({ keyword, instancePath, schemaPath, params, message, parentSchema, data });
    return false;
  };
}

interface Limited {
  readonly number: number;
  readonly string: string;
  readonly array: readonly unknown[];
  readonly object: object;
}

function limit<Type extends keyof Limited>(
  type: Type,
  holds: (value: Limited[Type], limit: number) => boolean,
  message: string,
  comparison?: string,
): (part: Part) => Check {
  return (part) => {
    const bound = part.given as number;
    const params = comparison === undefined ? { limit: bound } : { comparison, limit: bound };
    const tell = teller(part, message.replace("#", String(bound)), params);
    return (value, at, found) =>
      !hasType(value, type) || holds(value as Limited[Type], bound) || tell(value, at, found);
  };
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "number":
      return Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

/** Characters, as JSON Schema counts them: code points. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) if (text.codePointAt(at)! > 0xffff) length--;
  return length;
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

/** Equal as JSON, whatever the order of members. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, at) => isEqual(item, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isEqual(a[name], b[name]))
  );
}

function expressionOf(pattern: string): (text: string) => boolean {
  const expression = new RegExp(pattern, "u");
  return (text) => expression.test(text);
}

function below(at: string, name: string): string {
  return `${at}/${escaped(name)}`;
}

/** A name in a JSON Pointer, RFC 6901. */
function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
