import type { CodeEntry } from "./entry.ts";

export const shapeCodes = {
  "unknown-key": {
    title: "A key that does not exist",
    explanation: "Nothing that is not understood is ignored: a misspelt key would silently change what a runbook does.",
    wrong: "timout: 5m",
    right: "timeout: 5m",
  },
  "missing-key": {
    title: "A key is missing",
    explanation: "The message names the key and what it is for.",
    wrong: "uses: http",
    right: 'uses: http\nwith: { url: "https://shop.example/healthz" }',
  },
  "wrong-type": {
    title: "A value of the wrong type",
    explanation:
      "Plain `1.10` is the number 1.1, `true` is a boolean, nothing after the colon is null. Quote what is meant as text.",
    wrong: "title: 42",
    right: 'title: "42"',
  },
  "unknown-value": {
    title: "A value outside the closed list",
    explanation: "The hint names the nearest value or the whole list.",
    wrong: "kind: deployment",
    right: "kind: deploy",
  },
  "bad-value": {
    title: "A value that is not allowed",
    explanation: "It has the right type but not the right form or size.",
    wrong: "retry: 0",
    right: "retry: 1",
  },
  "empty-value": {
    title: "An empty value",
    explanation: "An empty text, list or map says nothing. Give it a value or remove the key.",
    wrong: 'title: ""',
    right: "title: Deploy",
  },
  "duplicate-value": {
    title: "An item twice in a list",
    explanation: "Each item stands once.",
    wrong: "tags: [a, a]",
    right: "tags: [a]",
  },
  "bad-name": {
    title: "A name with characters it cannot have",
    explanation: "Names become paths and words of expressions, so they are plain.",
    wrong: "name: Roll Back",
    right: "name: roll-back",
  },
  "bad-id": {
    title: "An id that cannot be used in expressions",
    explanation:
      "Ids are lower-case letters, digits and `_`, beginning with a letter; `-` means minus in an expression, and `true`, `false`, `null`, `in` are words of the language.",
    wrong: "id: pre-state",
    right: "id: pre_state",
  },
  "bad-version": {
    title: "Not a version",
    explanation: '`version` is SemVer, a text of three numbers: `"1.0.0"`.',
    wrong: 'version: "1.0"',
    right: "version: 1.0.0",
  },
  "bad-duration": {
    title: "Not a duration",
    explanation: "Write `90s`, `5m`, `1h30m`, `90d` or ISO 8601 `PT1H30M`.",
    wrong: "timeout: 5 minutes",
    right: "timeout: 5m",
  },
  "unknown-api-version": {
    title: "A version of the language this tool does not know",
    explanation: "A newer text may mean something else, so it is refused rather than guessed.",
    wrong: "apiVersion: runbook/v2",
    right: "apiVersion: runbook/v1",
  },
  "unknown-step-type": {
    title: "A step type that does not exist",
    explanation: "`runbook docs` lists the types. Another runbook is `runbook/NAME`.",
    wrong: "uses: htpp",
    right: "uses: http",
  },
  "two-actions": {
    title: "A step with two actions",
    explanation: "A step has exactly one of `run`, `uses`, `parallel`, `steps`, so that its outcome is one thing.",
    wrong: "run: fly status\nuses: http",
    right: "run: fly status",
  },
  "no-action": {
    title: "A step without an action",
    explanation: "A step has exactly one of `run`, `uses`, `parallel`, `steps`. What a person does is `uses: manual`.",
    wrong: "- id: a\n  title: A",
    right: "- id: a\n  title: A\n  uses: manual\n  with: { instructions: Do it. }",
  },
  "key-not-allowed": {
    title: "A key that exists, but not here",
    explanation: "Groups and nested runbooks carry only what holds for the whole; the rest stands on the steps inside.",
    wrong: "steps: […]\nretry: 3",
    right: "steps: […]",
  },
  "shell-in-run": {
    title: "Shell syntax in run",
    explanation:
      "`run` starts one command without a shell, so that values never become shell text. For pipes, variables, globs and redirections use `uses: script` and give it values by `env`.",
    wrong: "run: fly releases | head -1",
    right: 'uses: script\nwith: { script: "fly releases | head -1" }',
  },
  "bad-command": {
    title: "A command that cannot be split into words",
    explanation: "A quote is never closed, or there is no first word.",
    wrong: "run: echo 'hello",
    right: "run: echo 'hello'",
  },
  "bad-path": {
    title: "A path that cannot be sealed",
    explanation:
      "Scripts, SQL and templates are copied when a run starts and executed from the copy, so their paths are known beforehand, relative, and inside the project.",
    wrong: 'with: { file: "${{ inputs.file }}" }',
    right: "with: { file: sql/check.sql }",
  },
} as const satisfies Record<string, CodeEntry>;
