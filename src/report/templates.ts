/**
 * The Handlebars environment of documents: a runbook's own layout (`evidence.report`). Values never become templates.
 * Strict: a name that is missing stops the rendering, `{{{ }}}` and `{{& }}` are refused, only the format's helpers exist,
 * and a bare `{{ value }}` is made inert for the document's format.
 *
 * Handlebars' own escaping is for HTML only and cannot be replaced in an instance, so it is off and every bare value
 * is wrapped when the template is parsed: https://handlebarsjs.com/api-reference/compilation.html
 */
import Handlebars from "handlebars";
import { type Format, TemplateError } from "./format-values.ts";

/** Name → another template, or a function of the value the part is placed at. */
export type Parts = Readonly<Record<string, string | ((value: unknown) => string)>>;

const blockHelpers = ["if", "unless", "each", "with"];

/** Compiles a document. The function it returns throws `TemplateError` when a value is missing. */
export function compileDocument(template: string, parts: Parts, format: Format): (view: object) => string {
  const environment = Handlebars.create();
  for (const name of Object.keys(environment.helpers)) {
    if (!blockHelpers.includes(name)) environment.unregisterHelper(name);
  }
  for (const name of blockHelpers) guardBlock(environment, name);
  for (const [name, helper] of Object.entries(format)) registerHelper(environment, name, helper);
  const compile = (name: string, text: string) =>
    named(name, () => environment.compile(parse(text, format), optionsOf(format)));
  for (const [name, part] of Object.entries(parts)) {
    environment.registerPartial(name, typeof part === "string" ? compile(name, part) : part);
  }
  const main = compile("template", template);
  return (view) => {
    try {
      return main(view, { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false });
    } catch (error) {
      throw error instanceof TemplateError ? error : new TemplateError((error as Error).message, error);
    }
  };
}

/** A syntax error of the parser is four lines with a drawing; this is its first and last. */
function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, line, rest] = /^Parse error on line (\d+):\n([\s\S]*)$/.exec(text) ?? [];
  if (line === undefined) return text;
  const got = /got '([^']*)'/.exec(rest ?? "")?.[1];
  return `line ${line}: this is no Handlebars${got === "EOF" ? ", a block is not closed" : got === undefined ? "" : ` at ${got}`}`;
}

/** Parts a template places at its top, outside of conditions and loops. Throws `TemplateError`. */
export function partsPlaced(text: string): ReadonlySet<string> {
  let program: hbs.AST.Program;
  try {
    program = Handlebars.parse(text);
  } catch (error) {
    throw new TemplateError(wordsOf(error), error);
  }
  return new Set(
    program.body.flatMap((node) => {
      const name = node.type === "PartialStatement" ? (node as hbs.AST.PartialStatement).name : null;
      return name?.type === "PathExpression" ? [(name as hbs.AST.PathExpression).original] : [];
    }),
  );
}

function optionsOf(format: Format): CompileOptions {
  return {
    strict: true,
    noEscape: true,
    preventIndent: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries([...blockHelpers, ...Object.keys(format)].map((name) => [name, true])),
  };
}

function parse(text: string, format: Format): hbs.AST.Program {
  const ast = Handlebars.parse(text);
  new WrapBareValues(format).accept(ast);
  return ast;
}

function named<T>(name: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw new TemplateError(`${name}: ${wordsOf(error)}`, error);
  }
}

type Environment = ReturnType<typeof Handlebars.create>;

function registerHelper(environment: Environment, name: string, helper: Format[string]): void {
  environment.registerHelper(name, (...args: unknown[]) => {
    const { where, ...named } = (args.pop() as Handlebars.HelperOptions).hash as Record<string, unknown>;
    for (const value of [...args, ...Object.values(named)]) {
      if (value === undefined) throw new TemplateError(`${where}: the value is missing`);
    }
    return Object.keys(named).length === 0 ? helper(...args) : helper(...args, named);
  });
}

/** Strict mode does not look at arguments of block helpers; `{{#if typo}}` would just be false. */
function guardBlock(environment: Environment, name: string): void {
  const original = environment.helpers[name] as Handlebars.HelperDelegate;
  environment.registerHelper(name, function (this: unknown, ...args: unknown[]) {
    const { where } = (args.at(-1) as Handlebars.HelperOptions).hash as Record<string, unknown>;
    if (args.length !== 2) throw new TemplateError(`${where} takes one value`);
    if (args[0] === undefined) throw new TemplateError(`${where}: the value is missing`);
    return original.apply(this, args as never);
  });
}

class WrapBareValues extends Handlebars.Visitor {
  private readonly format: Format;

  constructor(format: Format) {
    super();
    this.format = format;
  }

  override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
    const at = lineOf(mustache);
    if (!mustache.escaped) throw new TemplateError(`${at}: {{{ }}} and {{& }} are refused; write {{ }}`);
    const path = mustache.path as hbs.AST.PathExpression;
    const known =
      path.type === "PathExpression" && path.original !== "bare" && Object.hasOwn(this.format, path.original);
    const plain = mustache.params.length === 0 && mustache.hash === undefined;
    if (plain && !known) {
      const bare = { ...path, type: "PathExpression", data: false, depth: 0, parts: ["bare"], original: "bare" };
      mustache.params = [mustache.path as hbs.AST.Expression];
      mustache.path = bare as hbs.AST.PathExpression;
    } else if (!known) {
      throw new TemplateError(`${at}: there is no helper ${path.original}`);
    }
    addWhere(mustache, `${at}: {{${written(mustache, known || !plain)}}}`);
    super.MustacheStatement(mustache);
  }

  override BlockStatement(block: hbs.AST.BlockStatement): void {
    addWhere(block, `${lineOf(block)}: {{#${written(block, true)}}}`);
    super.BlockStatement(block);
  }

  override DecoratorBlock(): void {
    throw new TemplateError("decorators are refused");
  }

  override Decorator(): void {
    throw new TemplateError("decorators are refused");
  }
}

type Call = hbs.AST.MustacheStatement | hbs.AST.BlockStatement;

function lineOf(call: Call): string {
  return `line ${call.loc.start.line}`;
}

/** The call as its author wrote it, without the helper that was put around a bare value. */
function written(call: Call, withName: boolean): string {
  const words = withName ? [call.path, ...call.params] : call.params;
  return words.map((word) => (word as { original?: unknown }).original ?? "(…)").join(" ");
}

/** Helpers get their own place as a named value, so that a missing one can be found in the template. */
function addWhere(call: Call, where: string): void {
  const value: hbs.AST.StringLiteral = { type: "StringLiteral", value: where, original: where, loc: call.loc };
  const pair: hbs.AST.HashPair = { type: "HashPair", key: "where", value, loc: call.loc };
  call.hash = { type: "Hash", pairs: [...(call.hash?.pairs ?? []), pair], loc: call.loc };
}
