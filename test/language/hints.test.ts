/** One mistake, one message that says what to write instead: how a person learns the language from its errors. */
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "../../src/steps/index.ts";
import { documentOf } from "./grammar/rule.ts";

const step = (lines: string) => `steps:\n  - id: a\n    title: A\n${lines.replace(/^/gm, "    ")}\n`;
const read = "run: ls\neffects: read\n";
const write = "run: touch x\neffects: write\n";

/** Text → the only things said about it: code, message, hint. */
const runbooks: readonly (readonly [string, string, string, string | RegExp])[] = [
  ['title: ""', "empty-value", '"title" is empty.', ""],
  ["drill: 90d", "wrong-type", '"drill" must be a map, not a text.', "Write drill: { every: … }."],
  ["env: [A=b]", "wrong-type", '"env" must be a map, not a list.', "Write env: { NAME: … }."],
  [
    "budget: 300",
    "wrong-type",
    '"budget" must be a text, not the number 300.',
    "Write the unit: 300s, 300m, 300h, 300d.",
  ],
  ["budget: 0s", "bad-duration", '"0s" is no time at all.', "Write how long it may take, such as 90s."],
  ["steps: [ls]", "wrong-type", 'An item of "steps" must be a map, not a text.', /^A step is a map: - \{ id: …/],
  [
    step("run: [ls, 3]\neffects: read"),
    "wrong-type",
    'An item of "run" must be a text, not the number 3.',
    'Quote it: "3".',
  ],
  ["steps: [{ id: true, title: A, uses: eval }]", "wrong-type", '"id" must be a text, not true.', /write true_step\.$/],
  [step(`${write}irreversible: true`), "wrong-type", '"irreversible" must be a text, not true.', /^Write the reason/],
  [step(`${write}rollback: []`), "empty-value", '"rollback" is empty.', /at least one/],
  [
    step(`${write}irreversible: x x\ncheck: { run: ls }`),
    "missing-key",
    '"check" needs "that".',
    "that: True: already done.",
  ],
  [step(`${read}retry: { delay: 1s }`), "missing-key", '"retry" needs "attempts".', "attempts: Attempts in all."],
  [
    step(`${read}retry: { attempts: 2, on: [fatal] }`),
    "bad-value",
    '"fatal" is not a value of "on".',
    /such as exit:75/,
  ],
  [
    step(`${read}retry: { attempts: 2, on: ["exit:256"] }`),
    "bad-value",
    '"exit:256" is not a value of "on".',
    /exit:75/,
  ],
  [step(`${read}forEach: { in: [a], as: x }`), "wrong-type", '"in" must be a text, not a list.', /^Write one hole/],
  [step("uses: run"), "unknown-step-type", '"run" is not a step type.', "Did you mean run: (its own key)?"],
  [step("uses: http\nwith: https://x"), "wrong-type", '"with" must be a map, not a text.', "Write with: { url: … }."],
  [
    step('uses: http\nwith: { url: "https://x", method: get }'),
    "unknown-value",
    '"get" is not a value of "method".',
    /GET/,
  ],
  [
    step('uses: http\nwith: { url: "https://x", followRedirects: "yes" }'),
    "wrong-type",
    '"followRedirects" must be true or false, or a hole, not a text.',
    "Write true.",
  ],
  [
    step('uses: http\nwith: { url: "https://x", json: {}, body: x }'),
    "key-not-allowed",
    '"body" does not go with "json".',
    "Keep one of the two.",
  ],
  [step("uses: sql\nwith: { server: { host: h, user: u } }"), "missing-key", '"with" needs "query" or "file".', /SQL/],
  [
    step('uses: sql\nwith: { server: { host: h, user: u }, query: "select ${{ run.id }}" }'),
    "hole-in-script",
    '"query" holds no holes: a value must never become SQL text.',
    "Give it by values: { name: \"${{ run.id }}\" } and write :'name'.",
  ],
  [step("uses: wait\nwith: { for: soon }"), "bad-duration", '"soon" is not a duration.', /^Write a duration/],
  [step("run: A=b ls\neffects: read"), "shell-in-run", "A variable before a command is a form of the shell.", /env/],
  [
    step("run: ls {a,b}\neffects: read"),
    "shell-in-run",
    /* brace expansion */ '"{a,b}" is expanded by a shell only; here it would stay as it is.',
    /quote it/,
  ],
  [step("run: ls ${{ run.id\neffects: read"), "unclosed-hole", "This hole has no end.", /Close it/],
  [
    step("run: ls {{ run.id }}\neffects: read"),
    "unquoted-hole",
    '"{{ run.id }}" stays as it is; a hole is written with a dollar sign.',
    "Write ${{ run.id }}.",
  ],
  [
    step(`${read}note: Tell #launch about it`),
    "hash-in-plain",
    'The " #" cuts this value off: the rest is a comment.',
    'Quote the whole value: "Tell #launch about it". A comment has a blank after #.',
  ],
  [step(`${read}if: inputs.x`), "unknown-reference", 'no input "x".', "Nothing is declared there."],
];

const targets = "targets: { local: {} }\n";
const projects: readonly (readonly [string, string, string, string])[] = [
  [
    "foo: 1",
    "unknown-key",
    'The project file has no key "foo".',
    "Allowed: apiVersion, targets, windows, policy, secrets, evidence, state, plugins.",
  ],
  [
    "evidence: { retention: 90 }",
    "wrong-type",
    '"retention" must be a text, not the number 90.',
    "Write the unit: 90s, 90m, 90h, 90d.",
  ],
  ["secrets: [env]", "wrong-type", 'An item of "secrets" must be a map, not a text.', "Write - { type: … }."],
  [
    "secrets: [{ type: command, command: pass show }]",
    "wrong-type",
    '"command" must be a list, not a text.',
    "Write each word as an item: [pass, show].",
  ],
  [
    "secrets: [{ type: vault, address: 'v:8200', mount: kv, path: p }]",
    "bad-value",
    '"v:8200" is not a value of "address".',
    "Write the whole address: https://HOST:PORT.",
  ],
  [
    "windows: { d: { hours: 09:00-09:00, timezone: UTC } }",
    "bad-value",
    "The window opens and closes at the same minute.",
    "Write 00:00-24:00 for the whole day.",
  ],
];

const said = (diagnostics: readonly { code: string; message: string; hint?: string }[]) =>
  diagnostics.map(({ code, message, hint }) => [code, message, hint ?? ""]);

describe("a mistake is told once, with what to write", () => {
  it.each(runbooks)("%s", (text, code, message, hint) => {
    const { diagnostics } = loadRunbook({ file: "runbooks/example.yaml", text: documentOf(text), catalogue });
    expect(said(diagnostics)).toEqual([[code, message, typeof hint === "string" ? hint : expect.stringMatching(hint)]]);
  });

  it.each(projects)("%s", (text, code, message, hint) => {
    const file = "runbook.config.yaml";
    const { diagnostics } = loadConfig({ file, text: `apiVersion: runbook/v1\n${targets}${text}\n` });
    expect(said(diagnostics)).toEqual([[code, message, hint]]);
  });

  it("a comment with a blank is one, and a hash in a script or a quoted text is text", () => {
    const text = documentOf(
      `concurrency: a # one at a time\n${step("uses: script\neffects: read\nwith:\n  script: |\n    ls #x\nnote: 'Tell #launch'\nverify: [result.exitCode == 0] #todo")}`,
    );
    expect(loadRunbook({ file: "runbooks/example.yaml", text, catalogue }).diagnostics).toEqual([]);
  });

  it("braces that hold no list, and templates of other tools, stay text", () => {
    const text = documentOf(step(`run: docker ps --format '{{.Names}}' HEAD@{1} {}\neffects: read`));
    expect(loadRunbook({ file: "runbooks/example.yaml", text, catalogue }).diagnostics).toEqual([]);
  });
});
