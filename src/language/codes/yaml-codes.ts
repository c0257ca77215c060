import type { CodeEntry } from "./entry.ts";

export const yamlCodes = {
  "yaml-syntax": {
    title: "The text is not YAML",
    explanation:
      "Only the first error of syntax is reported: after it YAML reads the rest differently from what was meant.",
    wrong: 'title: "Deploy',
    right: 'title: "Deploy"',
  },
  "yaml-too-large": {
    title: "The file is larger than 1 MiB",
    explanation: "A procedure that people follow is short. Data belongs in files that steps read.",
    wrong: "# more than 1 MiB of text",
    right: 'steps: [{ id: load, title: Load, uses: sql, with: { server: "${{ target.db }}", file: data.sql } }]',
  },
  "yaml-too-deep": {
    title: "The file is nested deeper than 64 levels",
    explanation: "The limit holds before the text is composed, so that a hostile file cannot exhaust the process.",
    wrong: "a: [[[[[[[[…]]]]]]]]",
    right: "a: [1, 2]",
  },
  "yaml-too-many-nodes": {
    title: "The file has more than 10,000 values",
    explanation: "Split the runbook, or move data into files that steps read.",
    wrong: "tags: [a, a, a, …]",
    right: "tags: [a]",
  },
  "control-character": {
    title: "The text holds an invisible character",
    explanation:
      "Control characters and marks that change the direction of text show a reviewer something else than what is executed. A byte order mark is accepted at the start of a file only.",
    wrong: "title: Deploy‮yolped",
    right: "title: Deploy",
  },
  "yaml-tag": {
    title: "A YAML tag",
    explanation:
      "A value that begins with `!` is a tag for YAML, most often an expression that begins with *not*. Quote it, or turn the condition round.",
    wrong: "if: !target.protected",
    right: 'if: "!target.protected"',
  },
  "yaml-alias": {
    title: "A YAML anchor or alias",
    explanation:
      "Anchors (`&x`) and aliases (`*x`) make a reader jump; a runbook reads from top to bottom. Write the value out. A text that begins with `&` or `*` needs quotes.",
    wrong: "env: &common { A: b }",
    right: "env: { A: b }",
  },
  "yaml-directive": {
    title: "A YAML directive",
    explanation: "`%YAML` and `%TAG` change how the text is read. Runbooks are YAML 1.2 without them.",
    wrong: "%YAML 1.1",
    right: "apiVersion: runbook/v1",
  },
  "merge-key": {
    title: "A merge key",
    explanation: "`<<` is not part of YAML 1.2 and hides where a value comes from.",
    wrong: "<<: { title: Deploy }",
    right: "title: Deploy",
  },
  "reserved-key": {
    title: "A key that cannot be used",
    explanation: "`__proto__`, `constructor` and `prototype` mean something to programs that copy data carelessly.",
    wrong: "constructor: x",
    right: "builder: x",
  },
  "non-string-key": {
    title: "A key that is not a text",
    explanation: "Numbers, `true`, `null` and maps are no keys. Quote the key if it is meant.",
    wrong: "true: x",
    right: '"true": x',
  },
  "duplicate-key": {
    title: "A key is set twice",
    explanation: "The second would silently win. Keep one.",
    wrong: "title: A\ntitle: B",
    right: "title: B",
  },
  "bad-number": {
    title: "A number that would not stay what is written",
    explanation:
      "Leading zeros vanish, long numbers lose digits, `.inf` is no number of JSON. Quote what is meant as text.",
    wrong: "tags: [007]",
    right: 'tags: ["007"]',
  },
  "yaml-tab": {
    title: "A tab is used for indentation",
    explanation: "YAML indents with blanks only, because a tab has no fixed width.",
    wrong: "drill:\n\tevery: 90d",
    right: "drill:\n  every: 90d",
  },
  "unquoted-hole": {
    title: "A hole that YAML reads as a map",
    explanation:
      "`{{ x }}` is a map for YAML; a hole begins with a dollar sign: `${{ x }}`. Inside `{ }` and `[ ]` a hole needs quotes.",
    wrong: "with: { url: ${{ target.url }} }",
    right: 'with: { url: "${{ target.url }}" }',
  },
  "colon-in-plain": {
    title: 'A ": " splits the value',
    explanation:
      "In a plain value `: ` begins a map, also inside an expression such as `a ? b : c`. Quote the whole value.",
    wrong: "title: Deploy: the image",
    right: 'title: "Deploy: the image"',
  },
  "expression-needs-quotes": {
    title: "A value that starts with a quote or bracket goes on after it",
    explanation:
      "YAML ends the value with the closing quote or bracket. Quote the whole value, or begin the expression with a name.",
    wrong: "if: 'x' == target.name",
    right: "if: target.name == 'x'",
  },
  "comma-in-flow": {
    title: "A comma of an expression inside [ ] makes two items",
    explanation:
      "In a list written in brackets every comma begins a new item. Quote the expression, or write the list with one item per line.",
    wrong: "verify: [result.rows.all(r, r.ok)]",
    right: 'verify: ["size(result.rows) > 0 && result.rows.all(r, r.ok)"]',
  },
  "hash-in-plain": {
    title: 'A " #" cuts the value off',
    explanation: "A blank followed by `#` begins a comment, also inside an expression. Quote the whole value.",
    wrong: 'if: target.name == "a #b"',
    right: "if: 'target.name == \"a #b\"'",
  },
  "not-a-runbook": {
    title: "A file of another tool",
    explanation:
      "The file looks like something else. A runbook begins with `apiVersion: runbook/v1` and has `name`, `version`, `title`, `owner`, `kind`, `description` and `steps`.",
    wrong: "on: push\njobs: {}",
    right: "apiVersion: runbook/v1",
  },
  "empty-file": {
    title: "The file is empty",
    explanation: "It holds nothing but blanks and comments. `runbook new` writes a runbook to begin with.",
    wrong: "# nothing",
    right: "apiVersion: runbook/v1",
  },
} as const satisfies Record<string, CodeEntry>;
