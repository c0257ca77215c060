// Copied into dist/ by the build and loaded first by every program: keeps what V8 compiled of the chunks beside them, in
// dist/cache/, so that the next start does not compile it again (docs/adr/0012-compiled-code-beside-the-bundle.md).
//
// A cache is used only for the chunk whose content its name holds, and V8 itself refuses one that another V8 or other
// flags made. Each program has its own. Whatever fails (a read-only installation, a full disk) is ignored: then chunks are compiled as ever.
// NODE_DISABLE_COMPILE_CACHE=1, Node's own switch, turns it off.
"use strict";
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const program = path.basename(require.main?.filename ?? "runbook", ".cjs");
/** What the programs are started with; V8 counts flags in, so none is kept of other starts. */
const ownFlags = ["", "--max-semi-space-size=1 --v8-pool-size=1"];
const folder = path.join(__dirname, "cache");
const chunks = path.join(__dirname, "chunks") + path.sep;

// A run mostly waits, and what V8 optimizes early competes with its commands for the processor. The budget is how much of a
// function is executed before it is optimized, 132 KiB unless told; the V8 of newer versions of Node knows no such flag.
const isOfRun = ["executor", "supervisor"].includes(program) || process.argv[2] === "run";
const isPatient = process.version.startsWith("v20.") && isOfRun;
if (isPatient) {
  // Node's own modules come compiled for V8's usual flags only: those that are needed anyway are loaded before.
  const more = program === "executor" ? ["assert", "perf_hooks", "worker_threads"] : [];
  for (const name of ["child_process", "crypto", "os", "vm", ...more]) require(`node:${name}`);
  require("node:v8").setFlagsFromString("--interrupt-budget=500000");
}

if (!process.env.NODE_DISABLE_COMPILE_CACHE && ownFlags.includes(process.execArgv.join(" "))) {
  // Since Node 22.1 the runtime does this itself: https://nodejs.org/api/module.html#module-compile-cache
  if (typeof Module.enableCompileCache === "function") Module.enableCompileCache(folder);
  else keepCompiled();
}

function keepCompiled() {
  const { constants, Script } = require("node:vm");
  const variant = `${process.versions.v8}-${process.arch}-${program}${isPatient ? "-patient" : ""}`;
  const fresh = [];

  /** Loads a chunk as Node would, with the cache there is. The build leaves ASCII only. https://nodejs.org/api/vm.html#class-vmscript */
  function load(module, filename) {
    const cacheFile = path.join(folder, `${path.basename(filename)}.${variant}`);
    const cachedData = readOrNothing(cacheFile);
    const script = new Script(Module.wrap(fs.readFileSync(filename, "latin1")), {
      filename,
      cachedData,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    if (cachedData === undefined || script.cachedDataRejected) fresh.push({ script, cacheFile });
    const wrapper = script.runInThisContext();
    wrapper.call(module.exports, module.exports, (id) => module.require(id), module, filename, path.dirname(filename));
  }

  const compile = Module._extensions[".js"];
  Module._extensions[".cjs"] = (module, filename) =>
    filename.startsWith(chunks) ? load(module, filename) : compile(module, filename);
  // At the end, when V8 has compiled the functions that were called too.
  process.once("exit", () => {
    for (const { script, cacheFile } of fresh) keep(cacheFile, script.createCachedData());
  });
}

function readOrNothing(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

/** In place by rename, synced before: a reader finds all of it or none, also after a power cut. V8 checks little of it. */
function keep(file, bytes) {
  const temporary = `${file}.${process.pid}`;
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(temporary, bytes, { flag: "wx", flush: true });
    fs.renameSync(temporary, file);
  } catch {
    try {
      fs.unlinkSync(temporary);
    } catch {
      // it was not made
    }
  }
}
