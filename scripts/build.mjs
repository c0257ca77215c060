// Bundles every program into dist/*.cjs: one CommonJS file per entry plus shared lazy chunks (CommonJS starts faster
// than ESM, and a bundle faster than a tree of modules; see docs/performance.md).
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const entries = {
  cli: "src/cli/main.ts",
  executor: "src/cli/executor.ts",
  library: "src/cli/library.ts",
  supervisor: "src/host/supervisor/main.ts",
  helper: "src/host/helpers/main.ts",
  sandbox: "sandbox/main.ts",
  "sandbox-platform": "sandbox/platform.ts",
  "sandbox-app": "sandbox/app.ts",
  "sandbox-fly": "sandbox/fly.ts",
};

/** Started often: all their code is in chunks named by content, which the code cache knows; the program only loads it. */
const cached = ["cli", "executor", "supervisor"];

const input = Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)]));

// `--out DIR` builds elsewhere, so that two builds of one checkout do not disturb each other.
const outAt = process.argv.indexOf("--out");
const out = outAt > 0 ? process.argv[outAt + 1] : join(root, "dist");
// Built beside and moved into place: a build that fails leaves the last one that worked.
const fresh = `${out}.${process.pid}`;
/**
 * V8 takes code from its cache without what `import()` needs (ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING on Node 20), so
 * Node's own modules are required where they are used; rolldown does the same for our own.
 */
const requiredBuiltins = {
  name: "required-builtins",
  renderChunk: (code) => code.replaceAll(/\bimport\(("node:[a-z/_]+")\)/g, "Promise.resolve(require($1))"),
};

/**
 * What a chunk imports of others and of Node is loaded where it is first used, as most calls use little of it:
 * `const x = require(y)` becomes a variable, and each `x.name` becomes `(x ??= from_x()).name`.
 */
const loadedWhenUsed = {
  name: "loaded-when-used",
  renderChunk(code, { name, isEntry }) {
    // What an executor needs it loads while it waits for its request.
    const late = isEntry && name === "executor" ? /"\.\/(?:cel|cel-js|re2js|steps?|load-runbook|dist)-/ : /./;
    const imported = /^(?:const|let) (\w+(?:\$\d+)?) = require\(("(?:\.\/[^"]+|node:[a-z/_]+)")\);$/gm;
    for (const [line, variable, from] of code.matchAll(imported)) {
      if (!late.test(from)) continue;
      const word = `(?<![\\w$]|[^.]\\.)${variable.replaceAll("$", "\\$")}(?![\\w$])`;
      const uses = new RegExp(`${word}(?=\\.)`, "g");
      const rest = code.replace(line, "").replace(uses, "");
      if (new RegExp(word).test(rest)) continue;
      code = code
        .replace(line, () => "\0")
        .replaceAll(uses, () => `(${variable} ??= from_${variable}())`)
        .replace("\0", () => `let ${variable}; const from_${variable} = () => require(${from});`);
    }
    // A getter for each export is for those that change or are part of a cycle.
    return code.replaceAll(
      /^Object\.defineProperty\(exports, (["']\w+["']), \{\s+enumerable: true,\s+get: function ?\(\) \{\s+return ([\w$]+);\s+\}\s+\}\);$/gm,
      (getter, name, variable) => (isConstant(code, variable) ? `exports[${name}] = ${variable};` : getter),
    );
  },
};

function isConstant(code, variable) {
  const name = variable.replaceAll("$", "\\$");
  return new RegExp(`^(?:(?:async )?function\\*? |class |const |var (?=\\S+ = class\\b))${name}(?![\\w$])`, "m").test(
    code,
  );
}

/** The YAML library asks the environment at every token whether to print it, which takes time and would spoil our output. */
const silentYaml = {
  name: "silent-yaml",
  transform: {
    filter: { id: /node_modules\/yaml\/dist\/(parse\/parser|compose\/composer)\.js$/ },
    handler(code) {
      if (!/\bnode_process\.env\.LOG_(TOKENS|STREAM)\b/.test(code))
        throw new Error("build: yaml prints its tokens otherwise now");
      return code.replaceAll(/\bnode_process\.env\.LOG_(TOKENS|STREAM)\b/g, "false");
    },
  },
};

/** Chunks that are loaded for themselves; what is in none goes where its users are. */
function familyOf(id) {
  const path = relative(root, id);
  // All that `--version` needs beside the entry.
  if (/^src\/(?:cli\/(?:version|terminal\/standard-output)|engine\/exit-codes)\.ts$/.test(path)) return "at-once";
  const library = /^node_modules\/(?:@marcbachmann\/)?(cel-js|re2js)\//.exec(path);
  if (library) return library[1];
  if (/^src\/language\/cel\/(cel|evaluation-error|semver|values)\.ts$/.test(path)) return "cel-values";
  if (/^src\/language\/cel\//.test(path)) return "cel";
  const [, folder, file] = /^src\/steps\/(?:([a-z-]+)\/)?([a-z0-9-]+)\.ts$/.exec(path) ?? [];
  if (folder) return `steps-${folder}`;
  if (!file || file === "index" || file === "step-type") return null;
  return readFileSync(id, "utf8").includes(" = defineStepType") ? `step-${file}` : "steps";
}

const bundle = await rolldown({
  input,
  platform: "node",
  preserveEntrySignatures: "allow-extension",
  plugins: [requiredBuiltins, silentYaml, loadedWhenUsed],
  // sandbox-app.cjs is started once per machine and must stay a single tiny file; rolldown keeps it so because it
  // shares nothing with the others.
  onLog: (level, log, print) => {
    if (level === "warn") throw new Error(`build: ${log.message}`);
    print(level, log);
  },
});
const { output: built } = await bundle.write({
  dir: fresh,
  format: "cjs",
  entryFileNames: ({ name }) => (cached.includes(name) ? "chunks/[name]-[hash].cjs" : "[name].cjs"),
  chunkFileNames: "chunks/[name]-[hash].cjs",
  codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: familyOf, debugName: "families" }] },
  // Text that is all ASCII is read without decoding, and comments are read by nobody.
  minify: { compress: false, mangle: false, codegen: { asciiOnly: true, removeWhitespace: false } },
  comments: false,
  // `import()` of what is not bundled becomes `require`: code from the cache has nothing that answers an `import()`.
  dynamicImportInCjs: false,
});
await bundle.close();
writePrograms();
writeFileSync(join(fresh, "THIRD_PARTY_LICENSES.txt"), thirdPartyLicenses());
const previous = `${fresh}.old`;
if (existsSync(out)) renameSync(out, previous);
renameSync(fresh, out);
rmSync(previous, { recursive: true, force: true });

/** `dist/NAME.cjs` of the cached programs. They name the digest of all chunks, so that their own is that of the tool. */
function writePrograms() {
  const digest = createHash("sha256");
  const chunks = built.map(({ fileName }) => fileName).sort();
  for (const chunk of chunks) {
    const bytes = readFileSync(join(fresh, chunk));
    if (bytes.some((byte) => byte > 127)) throw new Error(`build: ${chunk} is not ASCII, as the code cache reads it`);
    digest.update(chunk).update(bytes);
  }
  const all = digest.digest("hex");
  copyFileSync(join(root, "scripts/code-cache.cjs"), join(fresh, "code-cache.cjs"));
  copyFileSync(join(root, "scripts/import-text.cjs"), join(fresh, "import-text.cjs"));
  for (const name of cached) {
    const { fileName } = built.find((each) => each.isEntry && each.name === name);
    const text = `// sha256 of all chunks: ${all}\nrequire("./code-cache.cjs");\nrequire("./${fileName}");\n`;
    writeFileSync(join(fresh, `${name}.cjs`), text);
  }
  // Which modules a chunk holds is for tests; that and what one machine's V8 compiled are no part of the package.
  const modules = built.map(({ fileName, moduleIds }) => [fileName, moduleIds.map((id) => relative(root, id))]);
  writeFileSync(join(fresh, "modules.json"), `${JSON.stringify(Object.fromEntries(modules.sort()), null, 1)}\n`);
  writeFileSync(join(fresh, ".npmignore"), "cache/\nmodules.json\n");
}

/** What the bundles contain of others: name, version and licence text of every package a module of theirs comes from. */
function thirdPartyLicenses() {
  const folders = built.flatMap(({ moduleIds = [] }) =>
    moduleIds.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replace(/^\0/, ""))?.[0]),
  );
  const parts = [...new Set(folders)]
    .filter((folder) => folder !== undefined)
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const file = readdirSync(folder).find((each) => /^(?:licen[cs]e|copying)/i.test(each));
      const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    });
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}
