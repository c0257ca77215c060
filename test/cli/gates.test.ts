import { expect, test } from "vitest";
import { gateAt } from "../../src/cli/start/gates.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "../../src/steps/index.ts";

const head = (name: string) =>
  `apiVersion: runbook/v1\nname: ${name}\nversion: 1.0.0\ntitle: T\nowner: o\nkind: maintenance\ndescription: d\ntargets: [here]\n`;
const leaf = (id: string) => `{ id: ${id}, title: t, run: ${id}, effects: read }`;
const ask = '{ id: ask, title: t, uses: approval, with: { prompt: "Go?" }, override: reason }';
const inner = `${head("inner")}guards: [${leaf("g")}]\nsteps: [${leaf("a")}, { id: more, title: t, steps: [${ask}] }]\n`;
const plain = `${head("plain")}guards: [${leaf("g")}]\nsteps: [${leaf("a")}]\n`;
const outer = `${head("outer")}guards: [{ id: first, title: t, steps: [${leaf("g")}] }]
steps:
  - { id: each, title: t, forEach: { in: "\${{ [1, 2] }}", as: n }, uses: runbook/inner }
  - { id: plain, title: t, uses: runbook/plain }
  - { id: m, title: t, uses: manual, with: { instructions: Look, confirm: Seen, evidence: none } }
  - { id: stop, title: t, uses: checkpoint, with: { question: "Go on?" } }
  - { id: w, title: t, run: w, effects: write, rollback: [{ id: sure, title: t, uses: window, with: { name: deploy } }] }
`;
const { runbook, diagnostics } = loadRunbook({
  file: "outer.yaml",
  text: outer,
  catalogue,
  readInclude: (name) => ({ path: `${name}.yaml`, text: name === "inner" ? inner : plain }),
});
if (runbook === null) throw new Error(diagnostics.map(({ message }) => message).join("\n"));

test.each([
  ["first", "first", false],
  ["first.g", "first.g", false],
  ["each", "each.more.ask", true],
  ["each[1]", "each.more.ask", true],
  ["each[1].g", "each[1].g", false],
  ["each[1].more", "each.more.ask", true],
  ["each[1].more.ask", "each[1].more.ask", true],
  ["plain.g", "plain.g", false],
  ["stop", "stop", false],
  ["w.rollback.sure", "w.rollback.sure", false],
])("%s may not be passed over: %s is a gate", (path, gate, mayOverride) => {
  expect(gateAt(runbook, path)).toMatchObject({ path: gate, mayOverride });
});

test.each(["each[1].a", "plain", "plain.a", "m"])("%s may be passed over with a reason", (path) => {
  expect(gateAt(runbook, path)).toBeNull();
});
