import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { placesIn } from "../../src/cli/follow/step-places.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";

const head = (name: string) =>
  `apiVersion: runbook/v1\nname: ${name}\nversion: 1.0.0\ntitle: T\nowner: o\nkind: maintenance\ndescription: d\ntargets: [here]\nsteps:\n`;
const leaf = (id: string, indent = "  ") => `${indent}- { id: ${id}, title: t, run: ${id}, effects: read }\n`;

const folder = mkdtempSync(join(tmpdir(), "places-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a step of a used runbook stands in its own file", () => {
  const outer = `${head("outer")}${leaf("first")}  - id: each\n    title: t\n    forEach: { in: "\${{ [1] }}", as: n }\n    uses: runbook/inner\n`;
  const inner = `${head("inner")}  - id: g\n    title: t\n    steps:\n${leaf("a", "      ")}`;
  mkdirSync(join(folder, "includes"));
  writeFileSync(join(folder, "runbook.yaml"), outer);
  writeFileSync(join(folder, "includes/inner.yaml"), inner);
  writeFileSync(join(folder, "config.json"), JSON.stringify({ project: process.cwd(), file: "runbooks/outer.yaml" }));
  const placeOf = placesIn(folder, { started: { source: { file: "runbooks/outer.yaml" } } } as RunRecord);
  expect(placeOf("first")).toEqual({ file: "runbooks/outer.yaml", line: 10 });
  expect(placeOf("each[0]")).toEqual({ file: "runbooks/outer.yaml", line: 11 });
  expect(placeOf("each[0].g.a")).toEqual({ file: "runbooks/inner.yaml", line: 13 });
  expect(placeOf("each[0].g.gone")).toEqual({ file: "runbooks/inner.yaml", line: 10 });
  expect(placeOf("gone")).toBeNull();
});
