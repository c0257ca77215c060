/** A vendor's OpenAPI 3.0 description as a judge of requests and answers: `problems()` is empty when both are as documented. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface Operation {
  readonly parameters?: readonly object[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

export interface Exchanged {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly requestBody: string;
  readonly status: number;
  readonly responseBody: string;
}

const duration = /^\d+(?:\.\d+)?[smhd]?$/;
const formats = {
  map: true as const,
  duration,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  // The templates of RFC 6570 that GitHub calls URIs are none.
  uri: { type: "string" as const, validate: (text: string) => URL.canParse(text.replace(/\{[^}]*\}/g, "")) },
  int64: true as const,
  email: true as const,
};

export class Contract {
  private readonly document: OpenApi;
  private readonly wrapper: string | null;
  private readonly query: readonly string[];
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, formats });
  private readonly compiled = new Map<object, ValidateFunction>();

  /** A file of `test/fixtures/contracts/`; `mounts` replaces path parameters that stand for a mount point. */
  constructor(
    file: string,
    {
      mounts = {},
      prefix = "",
      wrapper = null,
      query = [],
    }: {
      readonly mounts?: Readonly<Record<string, string>>;
      /** What stands before every path. */
      readonly prefix?: string;
      /** The member of an answer that the description describes. */
      readonly wrapper?: string | null;
      /** Query parameters that the vendor's pages have and its description leaves out. */
      readonly query?: readonly string[];
    } = {},
  ) {
    this.wrapper = wrapper;
    this.query = query;
    const text = readFileSync(join(import.meta.dirname, "../fixtures/contracts", file), "utf8");
    const parsed = nullsOf(JSON.parse(text)) as OpenApi;
    const paths = Object.entries(parsed.paths).map(([path, item]) => {
      const mounted = Object.entries(mounts).reduce((all, [name, value]) => all.replace(`{${name}}`, value), path);
      return [`${prefix}${mounted}`, item] as const;
    });
    this.document = { ...parsed, paths: Object.fromEntries(paths) };
  }

  /** What of an exchange is not as documented. */
  problems({ method, url, requestBody, status, responseBody }: Exchanged): string[] {
    const { pathname, searchParams } = new URL(url, "http://vendor");
    const place = `${method} ${pathname}`;
    const operation = this.operationOf(method, pathname);
    if (operation === undefined) return [`${place}: no such operation`];
    const found: string[] = [];
    const known = [...this.query, ...(operation.parameters ?? []).map((each) => this.resolved(each)["name"])];
    for (const name of searchParams.keys())
      if (!known.includes(name)) found.push(`${place}: unknown parameter ${name}`);
    const sent = operation.requestBody?.content?.["application/json"]?.schema;
    if (requestBody !== "" && status < 400) {
      if (sent === undefined) found.push(`${place}: takes no body`);
      else found.push(...this.errors(sent, requestBody, null).map((error) => `${place} request: ${error}`));
    }
    const response = operation.responses[String(status)];
    // The descriptions leave out most refusals; their form is tested where they are read.
    if (response === undefined) return status >= 400 ? found : [...found, `${place}: undocumented status ${status}`];
    const answered = (this.resolved(response) as Content).content?.["application/json"]?.schema;
    if (answered === undefined) return found;
    return [
      ...found,
      ...this.errors(answered, responseBody, this.wrapper).map((error) => `${place} ${status}: ${error}`),
    ];
  }

  private operationOf(method: string, pathname: string): Operation | undefined {
    const fits = Object.entries(this.document.paths)
      .filter(([path]) => patternOf(path).test(pathname))
      .sort(([a], [b]) => a.split("{").length - b.split("{").length || b.length - a.length);
    for (const [, item] of fits) {
      const operation = item[method.toLowerCase()] as Operation | undefined;
      const shared = (item["parameters"] ?? []) as readonly object[];
      if (operation !== undefined) return { ...operation, parameters: [...shared, ...(operation.parameters ?? [])] };
    }
    return undefined;
  }

  private resolved(value: object): Readonly<Record<string, unknown>> {
    const { $ref } = value as { readonly $ref?: string };
    if ($ref === undefined) return value as Readonly<Record<string, unknown>>;
    const parts = $ref.slice(2).split("/");
    return parts.reduce(
      (at, part) => (at as Record<string, unknown>)[part] as object,
      this.document as object,
    ) as never;
  }

  private errors(schema: object, body: string, wrapper: string | null): string[] {
    let value: unknown;
    try {
      value = JSON.parse(body);
      if (wrapper !== null) value = (value as Record<string, unknown>)[wrapper];
    } catch {
      return ["no JSON"];
    }
    const validate = this.compiled.get(schema) ?? this.compile(schema);
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  }

  private compile(schema: object): ValidateFunction {
    const validate = this.ajv.compile({ ...schema, components: this.document.components });
    this.compiled.set(schema, validate);
    return validate;
  }
}

/** `{path}` at the end may have slashes, as Vault's has. */
function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.+*?^$()[\]|]/g, "\\$&").replace(/\{path\}(\/?)$/, ".+$1");
  return new RegExp(`^${escaped.replace(/\{[^}]+\}/g, "[^/]+")}$`);
}

/** OpenAPI 3.0 says `nullable: true` where JSON Schema lists the type `null`. */
function nullsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nullsOf);
  if (typeof value !== "object" || value === null) return value;
  const plain = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, nullsOf(each)]));
  if (plain["nullable"] !== true) return plain;
  const { nullable: _, ...schema } = plain;
  return { anyOf: [schema, { type: "null" }] };
}
