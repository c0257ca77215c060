import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codes, explainCode, isDiagnosticCode } from "../../src/language/codes.ts";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { renderText } from "../../src/language/render.ts";
import { layoutProblem } from "../../src/report/layout.ts";
import { catalogue } from "./catalogue.ts";

const fixtures = new URL("../fixtures/language/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, fixtures), "utf8");
const { config } = loadConfig({ file: "runbook.config.yaml", text: read("examples/runbook.config.yaml") });

/** What `plugins` of a project file would meet; `test/e2e/plugins.test.ts` evaluates modules. */
const pluginProblem = (module: string) =>
  existsSync(new URL(`beside/${module}`, fixtures)) ? null : `There is no module "${module}".`;

/** Fixtures of this code are project files. */
function loadProjectFile(text: string) {
  const loaded = loadConfig({ file: "runbook.config.yaml", text, pluginProblem });
  return { ...loaded, runbook: loaded.config, frames: renderText(loaded.diagnostics, () => text) };
}

function load(text: string, code: string) {
  if (code === "bad-plugin") return loadProjectFile(text);
  const readInclude = (name: string) => {
    const file = `includes/${name}.yaml`;
    return existsSync(new URL(file, fixtures)) ? { path: `runbooks/${name}.yaml`, text: read(file) } : null;
  };
  const loaded = loadRunbook({
    file: "runbooks/example.yaml",
    text,
    catalogue,
    config: config ?? undefined,
    readInclude,
    beside: {
      has: (name) => existsSync(new URL(`beside/${name}`, fixtures)),
      layoutProblem: (name) => layoutProblem(read(`beside/${name}`)),
    },
  });
  return {
    ...loaded,
    frames: renderText(loaded.diagnostics, (file) => (file === "runbooks/example.yaml" ? text : undefined)),
  };
}

/** Too large to keep as files: the text on both sides of each limit, made from a runbook that is right. */
const example = read("codes/missing-file/right.yaml");
const comment = `# ${"x".repeat(98)}\n`;
const items = (count: number) => `${example}inputs: { hosts: { type: array, default: [${"x, ".repeat(count)}x] } }\n`;
const generated: Readonly<Record<string, { readonly wrong: string; readonly right: string }>> = {
  "yaml-too-large": {
    wrong: example + comment.repeat(11_000),
    right: example + comment.repeat(10_000),
  },
  "yaml-too-many-nodes": {
    wrong: items(10_000),
    right: items(9_900).replace("look.sh }", "look.sh, args: ['${{ inputs.hosts[0] }}'] }"),
  },
};
const textOf = (code: string, which: "wrong" | "right") =>
  generated[code]?.[which] ?? read(`codes/${code}/${which}.yaml`);
const names = readdirSync(new URL("codes/", fixtures)).sort();

describe("every diagnostic code", () => {
  it("has a fixture", () => {
    expect(names).toEqual(Object.keys(codes).sort());
  });

  it.each(names)("%s: the wrong text is told what is wrong, the right one is not", async (code) => {
    const wrong = load(textOf(code, "wrong"), code);
    expect(wrong.diagnostics.map((d) => d.code)).toContain(code);
    await expect(wrong.frames).toMatchFileSnapshot(fileURLToPath(new URL(`codes/${code}/wrong.out`, fixtures)));
    const right = load(textOf(code, "right"), code);
    expect(right.frames).toBe("");
    expect(right.runbook).not.toBe(null);
  });

  it.each(Object.keys(codes))("%s explains itself", (code) => {
    const text = explainCode(code);
    expect(text).toMatch(new RegExp(`^# ${code}\n\n[^\n]+\\.\n\n`));
    expect(text).toContain("Wrong:");
    expect(isDiagnosticCode(code)).toBe(true);
  });

  it("knows no others", () => {
    expect(explainCode("toString")).toBe(null);
    expect(explainCode("no-such-code")).toBe(null);
  });
});
