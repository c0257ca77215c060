// Makes TypeScript of the packaged templates: reports/*.hbs → src/report/generated/*.ts, one function a template. Parsed by
// Handlebars, so blanks are where it leaves them; only what the packaged templates use is known here. A name that the
// view does not have fails the type check, and every value goes through the format, which makes it inert.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";

const formats = [
  { extension: "md", file: "markdown-report.ts", format: "markdownFormat", view: "ReportView" },
  { extension: "html", file: "html-report.ts", format: "htmlFormat", view: "PageView" },
];
/** A template whose values are not those of a report. */
const otherViews = { addendum: "AddendumView" };
const homes = { ReportView: "view", PageView: "html", AddendumView: "addendum-text" };
const helpers = new Set(["code", "codes", "fence", "file", "headline", "list", "proseCode", "ref"]);

/** Path below the package → text, of every generated module. */
export function reportFunctions(root) {
  const templates = readdirSync(join(root, "reports"))
    .filter((name) => name.endsWith(".hbs"))
    .sort()
    .map((name) => {
      const [part, extension] = name.split(".");
      return { name, part, extension, text: readFileSync(join(root, "reports", name), "utf8") };
    });
  return Object.fromEntries(
    formats.map((each) => {
      const own = templates.filter(({ extension }) => extension === each.extension);
      const views = [...new Set([each.view, ...own.flatMap(({ part }) => otherViews[part] ?? [])])].sort();
      const functions = own.map(({ name, part, text }) => functionOf(name, part, text, otherViews[part] ?? each.view));
      const imports = [
        ...views.map((view) => [`${homes[view]}.ts`, `import type { ${view} } from "../${homes[view]}.ts";`]),
        ["text-sink.ts", 'import { isGiven, type TextSink } from "../text-sink.ts";'],
        [formatFile(each), `import { ${each.format} as f } from "../${formatFile(each)}";`],
      ];
      const lines = imports.sort().map(([, line]) => line);
      const head = `/** Made of reports/*.${each.extension}.hbs by scripts/generate.mjs. */\n${lines.join("\n")}\n`;
      return [`src/report/generated/${each.file}`, [head, ...functions].join("\n")];
    }),
  );
}

const formatFile = ({ format }) => format.replace("Format", "-format.ts");

function functionOf(file, name, text, view) {
  const body = new Body(file);
  body.program(Handlebars.parse(text), ["v"]);
  const parameter = body.usesView ? `v: ${view}` : "_: unknown";
  return `export function ${name}(${parameter}, out: TextSink): void {\n${body.lines.join("\n")}\n}\n`;
}

/** The statements of one function. `scopes`: names of the values that `this`, `../`, `../../` … mean. */
class Body {
  lines = [];
  usesView = false;
  #file;
  #literal = "";
  #names = 0;
  #indent = "";

  constructor(file) {
    this.#file = file;
  }

  program(program, scopes) {
    const outer = this.#indent;
    this.#indent += "  ";
    for (const node of program.body) this.#node(node, scopes);
    this.#flush();
    this.#indent = outer;
  }

  #node(node, scopes) {
    switch (node.type) {
      case "ContentStatement":
        this.#content(node.value);
        return;
      case "MustacheStatement":
        this.#literal += `\${${this.#call(node, scopes)}}`;
        return;
      case "PartialStatement":
        if (node.params.length > 0 || node.hash !== undefined || scopes.length > 1) this.#refuse(node);
        this.#flush();
        this.usesView = true;
        this.#line(`${node.name.original}(${scopes[0]}, out);`);
        return;
      case "BlockStatement":
        this.#flush();
        this.#block(node, scopes);
        return;
      case "CommentStatement":
        return;
      default:
        this.#refuse(node);
    }
  }

  /** One call a line of the document. */
  #content(text) {
    for (const line of text.split(/(?<=\n)/)) {
      this.#literal += line.replace(/[\\`]|\$(?=\{)/g, "\\$&").replace("\n", "\\n");
      if (line.endsWith("\n")) this.#flush();
    }
  }

  #call(node, scopes) {
    const { path, params, hash } = node;
    if (!node.escaped) this.#refuse(node);
    if (!helpers.has(path.original)) {
      if (params.length > 0 || hash !== undefined) this.#refuse(node);
      return `f.bare(${this.#value(path, scopes)})`;
    }
    const named = (hash?.pairs ?? []).map(({ key, value }) => `${key}: ${this.#value(value, scopes)}`);
    const words = params.map((param) => this.#value(param, scopes));
    return `f.${path.original}(${[...words, ...(named.length > 0 ? [`{ ${named.join(", ")} }`] : [])].join(", ")})`;
  }

  #value(node, scopes) {
    if (node.type === "StringLiteral") return JSON.stringify(node.value);
    const scope = node.type === "PathExpression" && !node.data ? scopes.at(-1 - node.depth) : undefined;
    if (scope === undefined) this.#refuse(node);
    if (scope === "v") this.usesView = true;
    return [scope, ...node.parts].join(".");
  }

  #block(node, scopes) {
    const { path, params, hash, program, inverse } = node;
    if (params.length !== 1 || hash !== undefined || program.blockParams !== undefined) this.#refuse(node);
    const value = this.#value(params[0], scopes);
    if (path.original === "if") {
      this.#line(`if (isGiven(${value})) {`);
      this.program(program, scopes);
      if (inverse !== undefined) {
        this.#line("} else {");
        this.program(inverse, scopes);
      }
      this.#line("}");
    } else if (path.original === "each") {
      const name = `v${++this.#names}`;
      if (inverse !== undefined) this.#line(`let ${name}Count = 0;`);
      this.#line(`for (const ${name} of ${value}) {`);
      if (inverse !== undefined) this.#line(`  ${name}Count++;`);
      this.program(program, [...scopes, name]);
      this.#line("}");
      if (inverse === undefined) return;
      this.#line(`if (${name}Count === 0) {`);
      this.program(inverse, scopes);
      this.#line("}");
    } else {
      this.#refuse(node);
    }
  }

  #flush() {
    if (this.#literal !== "") this.#line(`out.add(\`${this.#literal}\`);`);
    this.#literal = "";
  }

  #line(text) {
    this.lines.push(`${this.#indent}${text}`);
  }

  #refuse(node) {
    throw new Error(
      `${this.#file}, line ${node.loc.start.line}: scripts/report-functions.mjs makes no function of this`,
    );
  }
}
