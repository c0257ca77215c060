/** Files of other tools: one framed error that says what the file looks like and what a runbook needs. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { renderText } from "../../src/language/render.ts";
import { catalogue } from "./catalogue.ts";

const folder = new URL("../fixtures/language/foreign/", import.meta.url);
const names = readdirSync(folder).filter((name) => !name.endsWith(".out"));

it.each(names)("%s", async (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  const { diagnostics, runbook } = loadRunbook({ file: name, text, catalogue });
  expect(runbook).toBe(null);
  expect(diagnostics).toHaveLength(1);
  expect(["not-a-runbook", "empty-file"]).toContain(diagnostics[0]!.code);
  const frame = renderText(diagnostics, () => text);
  expect(frame).toMatch(/runbook\/v1|`runbook new`/);
  await expect(frame).toMatchFileSnapshot(fileURLToPath(new URL(`${name}.out`, folder)));
});
