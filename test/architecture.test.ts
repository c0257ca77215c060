/**
 * Which folder of `src/` may import what, as a table with a reason for each row, compared with every import there is.
 * The same table in words is in ARCHITECTURE.md.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Fewer modules than this were never in `src/`: the walk is broken, not the code good. */
const leastModules = 200;
const leastImports = 800;

/** What `src/` may import of the sandbox, and who: a sandbox target is started and looked at by the command line only. */
const sandboxClient = { module: "../sandbox/client.ts", by: "cli/" };

/** What the sandbox may import of `src/`: helpers that know nothing of runs. */
const sandboxMayImport = [
  "src/host/durable-file.ts",
  "src/host/supervisor/process-identity.ts",
  "src/language/sandbox-services.ts",
];

interface Layer {
  /** Path prefix below `src/`; the longest that fits decides. */
  readonly at: string;
  /** Layers it may import with values. */
  readonly values: readonly string[];
  /** Layers of which it may import types only, besides those of `values`. */
  readonly types: readonly string[];
  readonly packages: readonly string[];
  readonly why: string;
}

const layers: readonly Layer[] = [
  { at: "util", values: [], types: [], packages: [], why: "util/ knows nothing of runbooks; everything may use it" },
  {
    at: "language",
    values: ["util", "language/cel"],
    types: ["steps/step-type"],
    packages: ["yaml"],
    why: "text becomes a runbook without knowing plans, runs or single step types: the catalogue is passed in",
  },
  {
    at: "language/cel",
    values: ["util"],
    types: ["language"],
    packages: ["@marcbachmann/cel-js", "re2js"],
    why: "expressions stay behind one module, so that the library below can be replaced",
  },
  {
    at: "steps/step-type",
    values: ["util"],
    types: ["language"],
    packages: [],
    why: "the contract is what step types, plan, engine and host share; it must drag nothing in",
  },
  {
    at: "steps",
    values: ["util", "steps/step-type"],
    types: ["language"],
    packages: [
      "temporal-polyfill",
      "libsodium-wrappers",
      "yaml",
      "@secretlint/core",
      "@secretlint/secretlint-rule-preset-recommend",
    ],
    why: "a step type knows the contract only: it can be read, tested and replaced alone",
  },
  {
    at: "plan",
    values: ["util", "language", "language/cel"],
    types: ["steps/step-type"],
    packages: [],
    why: "a plan is a function of a runbook, its inputs and its target, and executes nothing",
  },
  {
    at: "engine",
    values: ["util", "language", "language/cel", "plan"],
    types: ["steps/step-type"],
    packages: [],
    why: "the engine reaches the world through its ports only, so that the state may live elsewhere later",
  },
  {
    at: "host",
    values: ["util", "engine", "steps/step-type"],
    types: ["language"],
    packages: ["execa", "undici", "@modelcontextprotocol/sdk", "nodemailer"],
    why: "host/ implements the ports of the engine and of the step contract, and decides nothing",
  },
  {
    at: "report",
    values: ["util", "engine"],
    types: ["language"],
    packages: ["handlebars"],
    why: "a report is a function of the run record; it may not reach the machine that made it",
  },
  {
    at: "cli",
    values: ["util", "language", "language/cel", "steps", "steps/step-type", "plan", "engine", "host", "report"],
    types: [],
    packages: ["listr2", "pino"],
    why: "cli/ wires everything together, and nothing imports it",
  },
];

/** What the table does not allow and is there all the same: one line each, gone when the import is gone. */
const exceptions: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  { from: "host/command-runner.ts", to: "steps/prompt-hint.ts", why: "a timeout has no result a step could look at" },
  { from: "host/action-runner.ts", to: "steps/window-calendar.ts", why: "one calendar answers for plan and run" },
];

/** Modules of Node that touch the world, and who may import them. A folder ends with a slash. */
const doors: readonly { readonly module: string; readonly by: readonly string[]; readonly why: string }[] = [
  {
    module: "node:fs",
    by: [
      "host/",
      "cli/", // the project's own files, before there is a run
      "report/templates.ts", // the templates beside the program
      "report/run-files.ts", // a run directory that is verified may come from anywhere
      "report/verify.ts",
      "report/keys.ts",
      "steps/probes.ts", // reads a file for the step type `file`; StepHost has no call for it
      "steps/file-tree.ts", // reads folders of secrets and what a scan looks at, and never writes
    ],
    why: "whoever writes files around host/ also writes around its short-write and fsync rules",
  },
  { module: "node:fs/promises", by: ["steps/probes.ts"], why: "as node:fs" },
  {
    module: "node:child_process",
    by: ["host/supervisor/", "host/environment.ts", "cli/start/launch.ts", "cli/terminal/person-programs.ts"],
    why: "a process started elsewhere has no supervisor, no masking and no record; git only tells the commit",
  },
  {
    module: "node:net",
    by: ["host/", "steps/probes.ts"],
    why: "connections are made where time limits and masking are",
  },
  { module: "node:dns", by: ["steps/probes.ts"], why: "as node:net" },
  { module: "node:tls", by: ["steps/probes.ts"], why: "as node:net" },
  { module: "node:http", by: [], why: "HTTP is spoken by undici in host/http.ts" },
  { module: "node:https", by: [], why: "HTTP is spoken by undici in host/http.ts" },
  { module: "node:dgram", by: [], why: "nothing speaks UDP" },
  { module: "node:vm", by: [], why: "no text becomes code" },
  { module: "node:worker_threads", by: [], why: "the engine's order of records assumes one thread" },
];

/** Words that must not occur in the code of a folder: the absences that ARCHITECTURE.md promises. */
const absences: readonly {
  readonly in: readonly string[];
  readonly pattern: RegExp;
  readonly except?: readonly string[];
  readonly why: string;
}[] = [
  {
    in: ["language/", "plan/", "engine/", "report/", "steps/", "util/"],
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    except: ["steps/probes.ts"], // measures how long its own connection took
    why: "the clock is a port: with it read elsewhere, a report or a replay would change from one day to the next",
  },
  {
    in: ["language/", "plan/", "engine/", "report/", "steps/", "util/"],
    pattern: /\bprocess\.(?:env|cwd|argv|exit|stdout|stderr|kill)\b/,
    why: "surroundings arrive as arguments",
  },
  {
    in: ["language/", "plan/", "report/", "steps/", "util/"],
    pattern: /\bMath\.random\(|\brandomUUID\(/,
    why: "the same text gives the same plan and the same report",
  },
  { in: [""], pattern: /\bconsole\./, why: "stdout is data, stderr is progress: both are written in cli/ and masked" },
  { in: [""], pattern: /\beval\(|\bnew Function\(/, why: "no text becomes code" },
  {
    in: [""],
    except: ["cli/project/import-text.ts"], // evaluates the plug-ins of a project; it imports nothing of ours that way
    pattern: /\brequire\(|\bcreateRequire\b|\bimport\((?!\s*["']|$)/,
    why: "an import this test cannot see",
  },
];

interface Import {
  readonly line: number;
  readonly specifier: string;
  readonly isType: boolean;
}

interface Module {
  /** Relative to `src/`, with slashes. */
  readonly path: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

const modules = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .map(readModule);
const byPath = new Map(modules.map((module) => [module.path, module]));

describe("the architecture", () => {
  it("is looked at as a whole", () => {
    expect(modules.length, "modules found in src/").toBeGreaterThanOrEqual(leastModules);
    expect(modules.flatMap((module) => module.imports).length, "imports found").toBeGreaterThanOrEqual(leastImports);
    for (const { at } of layers) {
      expect(
        modules.filter((module) => layerOf(module.path)?.at === at).length,
        `modules in src/${at}`,
      ).toBeGreaterThan(0);
    }
  });

  it("gives every module a row of the table", () => {
    expect(modules.filter((module) => layerOf(module.path) === null).map((module) => module.path)).toEqual([]);
  });

  it("imports only in the directions of the table", () => {
    expect(problemsOf(({ from, target, isType }) => wrongDirection(from, target, isType))).toEqual([]);
  });

  it("imports a package only where the table has it", () => {
    expect(problemsOf(({ from, specifier }) => wrongPackage(from, specifier))).toEqual([]);
  });

  it("touches the world through the listed modules only", () => {
    expect(problemsOf(({ from, specifier, isType }) => wrongDoor(from, specifier, isType))).toEqual([]);
  });

  it("imports files that exist, with their extension", () => {
    expect(
      problemsOf(({ target }) =>
        target === null || target.startsWith("../") || byPath.has(target) ? null : "there is no such module",
      ),
    ).toEqual([]);
  });

  it("lets nothing but the catalogue import a step type", () => {
    const types = new Set(
      modules
        .filter(
          (module) => /^export const \w+ = defineStepType\b/m.test(module.code) && module.path.startsWith("steps/"),
        )
        .map((module) => module.path),
    );
    expect(types.size).toBeGreaterThanOrEqual(20);
    expect(
      problemsOf(({ from, target }) =>
        target !== null && types.has(target) && from !== "steps/index.ts"
          ? "a step type is reached through the catalogue; what two share goes into a helper"
          : null,
      ),
    ).toEqual([]);
  });

  it("has no circle of modules, types aside", () => {
    expect(circles((module) => module.path)).toEqual([]);
  });

  it("has no circle of folders, types aside", () => {
    expect(circles((module) => layerOf(module.path)?.at ?? module.path)).toEqual([]);
  });

  it("keeps the sandbox apart: of src/ it knows two helpers and the names of the services", () => {
    const files = readdirSync(join(root, "sandbox"), { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".ts"),
    );
    expect(files.length).toBeGreaterThanOrEqual(20);
    const found = files.flatMap((path) =>
      [...readFileSync(join(root, "sandbox", path), "utf8").matchAll(/["'](?:\.\.\/)+(src\/[^"']+)["']/g)]
        .map((match) => match[1] ?? "")
        .filter((target) => !sandboxMayImport.includes(target))
        .map((target) => `sandbox/${path} imports ${target}: the platform must not know the tool it is used to test`),
    );
    expect(found).toEqual([]);
  });

  it("keeps the promised absences", () => {
    const found = modules.flatMap(({ path, code }) =>
      code.split("\n").flatMap((text, index) =>
        absences
          .filter((rule) => rule.in.some((prefix) => path.startsWith(prefix)) && !rule.except?.includes(path))
          .filter((rule) => rule.pattern.test(text))
          .map((rule) => `src/${path}:${index + 1}  ${text.trim()}: ${rule.why}`),
      ),
    );
    expect(found).toEqual([]);
  });

  it("has no exception that nothing needs any more", () => {
    const unused = exceptions.filter(
      ({ from, to }) => !allImports().some((item) => item.from === from && names(item, to)),
    );
    expect(unused).toEqual([]);
  });
});

interface Edge extends Import {
  readonly from: string;
  /** The imported module relative to `src/`; null for a package or a module of Node. */
  readonly target: string | null;
}

function allImports(): Edge[] {
  return modules.flatMap(({ path, imports }) =>
    imports.map((item) => ({
      ...item,
      from: path,
      target: item.specifier.startsWith(".") ? posix.join(posix.dirname(path), item.specifier) : null,
    })),
  );
}

/** One line per import that breaks a rule and is not excepted: where it is, what it imports, why not. */
function problemsOf(rule: (edge: Edge) => string | null): string[] {
  return allImports().flatMap((edge) => {
    const problem = rule(edge);
    if (problem === null || exceptions.some(({ from, to }) => from === edge.from && names(edge, to))) return [];
    return [`src/${edge.from}:${edge.line} imports ${edge.specifier}: ${problem}`];
  });
}

function names({ target, specifier }: Edge, to: string): boolean {
  return target === null ? packageOf(specifier) === to : target.replace(/^\.\.\//, "") === to;
}

function wrongDirection(from: string, target: string | null, isType: boolean): string | null {
  const layer = layerOf(from);
  if (target === null || layer === null) return null;
  if (target === sandboxClient.module && from.startsWith(sandboxClient.by)) return null;
  if (target.startsWith("../")) return "src/ imports nothing outside itself but the sandbox's client, in cli/";
  const other = layerOf(target);
  if (other === null || other === layer || layer.values.includes(other.at)) return null;
  if (layer.types.includes(other.at)) {
    return isType ? null : `only types of ${other.at}, by \`import type\`: ${layer.why}`;
  }
  return layer.why;
}

function wrongPackage(from: string, specifier: string): string | null {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return null;
  const name = packageOf(specifier);
  if (layerOf(from)?.packages.includes(name)) return null;
  const owners = layers.filter((layer) => layer.packages.includes(name)).map((layer) => layer.at);
  return owners.length > 0 ? `${name} belongs to ${owners.join(", ")}` : `no folder has the package ${name}`;
}

function wrongDoor(from: string, specifier: string, isType: boolean): string | null {
  if (isType) return null;
  const door = doors.find(({ module }) => module === specifier);
  if (door === undefined || door.by.some((place) => (place.endsWith("/") ? from.startsWith(place) : from === place)))
    return null;
  return door.why;
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function layerOf(path: string): Layer | null {
  const fits = layers.filter(({ at }) => path.startsWith(`${at}/`) || path === `${at}.ts`);
  return fits.sort((a, b) => b.at.length - a.at.length)[0] ?? null;
}

/** Circles in the graph of imports at run time, each as `a → b → a`; nodes are made by `nameOf`. */
function circles(nameOf: (module: Module) => string): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { from, target, isType } of allImports()) {
    const there = target === null ? undefined : byPath.get(target);
    const here = byPath.get(from);
    if (isType || there === undefined || here === undefined || nameOf(here) === nameOf(there)) continue;
    if (exceptions.some((item) => item.from === from && item.to === target)) continue;
    edges.set(nameOf(here), (edges.get(nameOf(here)) ?? new Set()).add(nameOf(there)));
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): void => {
    const at = way.indexOf(name);
    if (at >= 0) {
      found.push([...way.slice(at), name].join(" → "));
      return;
    }
    if (done.has(name)) return;
    for (const next of edges.get(name) ?? []) visit(next, [...way, name]);
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
  return found;
}

function readModule(path: string): Module {
  const text = readFileSync(join(root, "src", path), "utf8");
  const code = withoutComments(text);
  const imports: Import[] = [];
  const add = (index: number, specifier: string, isType: boolean) =>
    imports.push({ line: code.slice(0, index).split("\n").length, specifier, isType });
  for (const match of code.matchAll(/^(?:import|export)\b([^;"']*?)\bfrom\s*["']([^"']+)["']/gm)) {
    add(match.index, match[2] ?? "", namesTypesOnly(match[1] ?? ""));
  }
  for (const match of code.matchAll(/^import\s*["']([^"']+)["']/gm)) add(match.index, match[1] ?? "", false);
  for (const match of code.matchAll(/\bimport\(\s*["']([^"']+)["']\s*,?\s*\)/g)) {
    add(match.index, match[1] ?? "", /\btypeof\s+$/.test(code.slice(0, match.index)));
  }
  return { path, code, imports };
}

/** `import type …`, or braces in which every name has its own `type`. */
function namesTypesOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const braces = /^\s*\{([^}]*)\}\s*$/.exec(clause);
  const listed = (braces?.[1] ?? "").split(",").filter((name) => name.trim() !== "");
  return listed.length > 0 && listed.every((name) => /^\s*type\b/.test(name));
}

/** Blanks whole-line and block comments, keeping the lines, so that words in prose are no findings. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, (comment) => comment.replace(/[^\n]/g, ""));
}
