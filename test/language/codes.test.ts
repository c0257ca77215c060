import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codes, explainCode, isDiagnosticCode } from "../../src/language/codes.ts";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { renderText } from "../../src/language/render.ts";
import { catalogue } from "./catalogue.ts";

const fixtures = new URL("../fixtures/language/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, fixtures), "utf8");
const { config } = loadConfig({ file: "runbook.config.yaml", text: read("examples/runbook.config.yaml") });

function load(path: string) {
  const text = read(path);
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
  });
  return {
    ...loaded,
    frames: renderText(loaded.diagnostics, (file) => (file === "runbooks/example.yaml" ? text : undefined)),
  };
}

/** Their texts are too large to keep as files; `hostile.test.ts` shows them. */
const elsewhere = ["yaml-too-large", "yaml-too-many-nodes"];
const names = readdirSync(new URL("codes/", fixtures)).sort();

describe("every diagnostic code", () => {
  it("has a fixture", () => {
    const expected = Object.keys(codes).filter((code) => !elsewhere.includes(code));
    expect(names).toEqual(expected.sort());
  });

  it.each(names)("%s: the wrong text is told what is wrong, the right one is not", async (code) => {
    const wrong = load(`codes/${code}/wrong.yaml`);
    expect(wrong.diagnostics.map((d) => d.code)).toContain(code);
    await expect(wrong.frames).toMatchFileSnapshot(fileURLToPath(new URL(`codes/${code}/wrong.out`, fixtures)));
    const right = load(`codes/${code}/right.yaml`);
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
