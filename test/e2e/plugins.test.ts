/** Step types of a project: the example of docs/plugins.md as it stands there, and modules that cannot be used. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/plugins.md"), "utf8");
/** The page's blocks that name a file. */
const files = [...page.matchAll(/^```(?:yaml|js) (\S+)\n([\s\S]*?)^```$/gm)].map(([, path = "", text = ""]) => ({
  path,
  text,
}));
const module = files.find(({ path }) => path.endsWith(".mjs"))?.text ?? "";

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig({ fixture: "ledger" });
  for (const { path, text } of files) rig.write(path, text);
  for (const name of ["a", "b"]) rig.write(`queue/${name}`, "");
});
afterEach(() => rig.end());

const config = (...plugins: string[]) =>
  rig.write(
    "runbook.config.yaml",
    `apiVersion: runbook/v1\ntargets: { here: { queue: ./queue } }\nplugins: ${JSON.stringify(plugins)}\n`,
  );

test("the documented plug-in is validated, planned, run, sealed and resumed", async () => {
  expect(files.map(({ path }) => path)).toEqual([
    "runbook.config.yaml",
    "plugins/queue-depth.mjs",
    "runbooks/drain.yaml",
  ]);
  expect(await rig.run(["validate"])).toMatchObject({ code: 0, stdout: "" });
  expect((await rig.run(["plan", "drain"])).stdout).toContain("count the files in ./queue");
  expect((await rig.run(["show", "drain"])).stdout).toContain("count the files in");
  const good = await rig.json(["run", "drain"]);
  expect([good.code, good.document.steps[0]?.outputs]).toEqual([0, { depth: 2 }]);
  expect(rig.file(good.document.run, "plugins/queue-depth.mjs")).toBe(module);
  expect(rig.record(good.document.run).started.files["plugins/queue-depth.mjs"]).toMatch(/^sha256:/);
  expect((await rig.run(["verify", good.document.run])).code).toBe(0);

  rig.write("queue/c", "");
  const bad = await rig.json(["run", "drain"]);
  expect([bad.code, bad.document.steps[0]?.failure?.message]).toEqual([1, expect.stringContaining("3 files wait.")]);
  // What goes on is the sealed copy: the project's may be another, or gone.
  rmSync(join(rig.project, "plugins/queue-depth.mjs"));
  rmSync(join(rig.project, "queue/c"));
  const resumed = await rig.json(["resume", bad.document.run]);
  expect([resumed.code, resumed.document.steps[0]?.outputs]).toEqual([0, { depth: 2 }]);
  expect((await rig.run(["show", bad.document.run])).code).toBe(0);
});

test("its failures have their class, its bugs are told as bugs, and a changed sealed copy stops the run", async () => {
  rmSync(join(rig.project, "queue"), { recursive: true });
  const failed = await rig.json(["run", "drain"]);
  expect(failed.document.steps[0]?.failure).toMatchObject({ class: "transient", reason: "no-queue" });
  rig.write("plugins/queue-depth.mjs", module.replace("const listed = await", "const listed = nothing.there; await"));
  const bug = await rig.json(["run", "drain"]);
  expect(bug.document.steps[0]?.failure).toMatchObject({ class: "failed", reason: "internal-error" });
  writeFileSync(join(rig.runDir(failed.document.run), "plugins/queue-depth.mjs"), `${module}\n`);
  expect((await rig.run(["resume", failed.document.run, "--no-input"])).code).toBe(8);
});

test("its schemas take part in the checks of a runbook", async () => {
  const yaml = files.find(({ path }) => path.startsWith("runbooks/"))?.text ?? "";
  rig.write(
    "runbooks/drain.yaml",
    yaml.replace("folder:", "foldr:").replace("depth: result.depth", "depth: result.dept"),
  );
  const ran = await rig.run(["validate"]);
  expect(ran.code).toBe(3);
  expect(ran.stdout).toContain("unknown-key");
  expect(ran.stdout).toContain('Did you mean "folder"?');
  expect(ran.stdout).toContain("dept");
  rig.write("runbooks/drain.yaml", yaml.replace("plugin/queue-depth", "plugin/queue-dept"));
  expect((await rig.run(["validate"])).stdout).toContain('Did you mean "plugin/queue-depth"?');
});

test.each<[string, string, string]>([
  ["is not there", "", 'There is no module "./plugins/p.mjs".'],
  ["does not parse", "export default {", "The module does not load: "],
  ["throws", "throw new Error('no licence');", "The module does not load: no licence."],
  ["imports another", "import './other.mjs'; export default {};", "The module imports another one"],
  ["imports a package", "import 'yaml'; export default {};", "The module imports another one"],
  ["exports nothing", "export const x = 1;", "its default export is no object"],
  ["lacks a run", module.replace("async run(", "async runn("), "run must be a function"],
  ["has a name of ours", module.replace("plugin/queue-depth", "http"), "type must be plugin/NAME"],
  [
    "asks people",
    module.replace('effects: "read"', 'person: "approval", effects: "read"'),
    "person is not for plug-ins",
  ],
  [
    "has a wrong result",
    module.replace('type: "integer"', 'type: "whole"'),
    "result.properties.depth.type: whole is no type",
  ],
  [
    "needs what it lacks",
    module.replace('["depth"]', '["dept"]'),
    "result.required names dept, which properties has not",
  ],
  [
    "uses other keywords",
    module.replace('type: "integer",', "oneOf: [],"),
    "result.properties.depth.oneOf is not understood",
  ],
  [
    "hides a field",
    module.replace("tools:", 'secretFields: ["token"], tools:'),
    "secretFields names token, which input has not",
  ],
])("a module that %s is told at the project file", async (_, text, told) => {
  if (text !== "") rig.write("plugins/p.mjs", text);
  config("./plugins/p.mjs");
  const ran = await rig.run(["validate"]);
  expect(ran.code).toBe(3);
  expect(ran.stdout).toMatch(/^runbook\.config\.yaml:3:11 {2}error {2}bad-plugin$/m);
  expect(ran.stdout).toContain(told);
  expect((await rig.run(["run", "drain"])).code).toBe(3);
  expect(rig.runs()).toEqual([]);
});

test("two modules with one name clash; a package is found by its name", async () => {
  config("./plugins/queue-depth.mjs", "queue-depth");
  rig.write("node_modules/queue-depth/package.json", '{"name":"queue-depth","exports":{".":{"import":"./main.mjs"}}}');
  rig.write("node_modules/queue-depth/main.mjs", module);
  const clash = await rig.run(["validate"]);
  expect(clash.stdout).toContain("plugin/queue-depth is the type of ./plugins/queue-depth.mjs already.");
  config("queue-depth");
  expect((await rig.json(["run", "drain"])).code).toBe(0);
});
