import type { CodeEntry } from "./entry.ts";

export const meaningCodes = {
  "name-not-file-name": {
    title: "The name differs from the file name",
    explanation: "A runbook is found by its file: `runbooks/NAME.yaml` holds `name: NAME`.",
    wrong: "name: other",
    right: "name: example",
  },
  "duplicate-id": {
    title: "Two steps with one id",
    explanation: "Ids are unique among siblings; guards, steps and always are one list.",
    wrong: "- { id: a, … }\n- { id: a, … }",
    right: "- { id: a, … }\n- { id: b, … }",
  },
  "unknown-target": {
    title: "A target that is not defined",
    explanation: "Targets are defined in `runbook.config.yaml`.",
    wrong: "targets: [prod]",
    right: "targets: [production]",
  },
  "target-variable": {
    title: "A variable that is not set on every listed target",
    explanation:
      "A runbook must work on each target it lists. Set the variable there, or give it in the runbook's own `targets` map.",
    wrong: "title: Look at ${{ target.url }}",
    right: "title: Look at ${{ target.name }}",
  },
  "duplicate-variable": {
    title: "A target variable set in the project file and in the runbook",
    explanation: "Nobody could say which one wins. Keep one of the two.",
    wrong: "targets: { local: { app: other } }",
    right: "targets: { local: { other_app: other } }",
  },
  "unknown-window": {
    title: "A window that is not defined",
    explanation: "Windows are defined under `windows` in `runbook.config.yaml`.",
    wrong: "with: { name: nights }",
    right: "with: { name: deploy }",
  },
  "unknown-approver-group": {
    title: "A group of approvers that is not defined",
    explanation: "Groups are defined under `policy.approvers` in `runbook.config.yaml`.",
    wrong: "with: { prompt: Go?, from: [sre] }",
    right: "with: { prompt: Go?, from: [sre-oncall] }",
  },
  "unknown-runbook": {
    title: "A runbook that does not exist",
    explanation: "`uses: runbook/NAME` reads `runbooks/NAME.yaml`.",
    wrong: "uses: runbook/backup-al",
    right: "uses: runbook/backup-all",
  },
  "include-cycle": {
    title: "A runbook that includes itself",
    explanation: "A uses B uses A never ends. Move the common steps into a runbook of their own.",
    wrong: "uses: runbook/example",
    right: "uses: runbook/other",
  },
  "unknown-input": {
    title: "An input the included runbook does not have",
    explanation: "`with` of `uses: runbook/NAME` gives that runbook's inputs.",
    wrong: "with: { relase: v41 }",
    right: "with: { release: v41 }",
  },
  "missing-input": {
    title: "A required input of the included runbook is not given",
    explanation: "`with` of `uses: runbook/NAME` must give every required input.",
    wrong: "uses: runbook/other",
    right: "uses: runbook/other\nwith: { reason: drill }",
  },
  "bad-input": {
    title: "An input whose parts contradict each other",
    explanation:
      "Its default is not a value it may have, its pattern is not a regular expression of linear time, or its limits do not fit its type.",
    wrong: "inputs: { n: { type: integer, default: many } }",
    right: "inputs: { n: { type: integer, default: 3 } }",
  },
  "unused-input": {
    title: "An input nothing reads",
    explanation: "Whoever starts the run is asked for something that changes nothing.",
    wrong: "inputs: { spare: { type: string } }",
    right: "inputs: {}",
  },
  "unused-secret": {
    title: "A secret nothing reads",
    explanation: "A run should be given no more secrets than it needs.",
    wrong: "secrets: [SPARE]",
    right: "secrets: []",
  },
  "unknown-reference": {
    title: "A name that does not exist",
    explanation:
      "Names of expressions are `inputs.*`, `target.*`, `steps.<id>.*`, `run.*`, in its own step `result`, `outputs`, `artifacts`. Step results have schemas, so a misspelt field is found too.",
    wrong: "if: inputs.relase != null",
    right: "if: inputs.release != null",
  },
  "forward-reference": {
    title: "A step that has not run yet",
    explanation: "File order is execution order; steps of one `parallel` block do not see each other.",
    wrong: "steps.later.outputs.x in an earlier step",
    right: "the reading step after the one it reads",
  },
  "maybe-null": {
    title: "A value that may be null",
    explanation:
      "Optional inputs, and outputs of steps that may be skipped, are null when absent. Compare with `null` first, or test `steps.<id>.status`.",
    wrong: "if: inputs.release.startsWith('v')",
    right: "if: inputs.release != null && inputs.release.startsWith('v')",
  },
  "skippable-reference": {
    title: "An output of a step that may be skipped",
    explanation:
      "When the step is skipped, its outputs are null. Test `steps.<id>.status` in the expression or in the `if` of its step.",
    wrong: "steps.maybe.outputs.rows[0].id == 1",
    right: "steps.maybe.status == 'succeeded' && steps.maybe.outputs.rows[0].id == 1",
  },
  "vacuous-all": {
    title: "all() over a list that may be empty",
    explanation:
      "`all()` over nothing is true: zero machines are not healthy machines. Test the size of the same list as well.",
    wrong: "verify: [\"result.machines.all(m, m.state == 'started')\"]",
    right: "verify: [\"size(result.machines) > 0 && result.machines.all(m, m.state == 'started')\"]",
  },
  "cel-syntax": {
    title: "Not an expression",
    explanation:
      "Expressions are CEL (https://cel.dev): `==`, `!=`, `&&`, `||`, `!`, `in`, `? :`, `size(x)`, `x.exists(i, …)`.",
    wrong: "if: target.name = 'local'",
    right: "if: target.name == 'local'",
  },
  "cel-type": {
    title: "Types that do not fit",
    explanation:
      "Expressions are checked against the schemas of inputs, targets and step results before anything runs.",
    wrong: "if: target.name > 3",
    right: "if: size(target.name) > 3",
  },
  "unknown-function": {
    title: "A function that does not exist",
    explanation:
      "Expressions have the functions of CEL and `json`, `csv`, `lines`, `diff`, `percentile`, `semver`. The hint names what other languages call it.",
    wrong: "verify: [result.body.length() > 0]",
    right: "verify: [size(result.body) > 0]",
  },
  "impossible-value": {
    title: "A comparison with a text the value never has",
    explanation:
      "The value is one of a closed list, such as the status of a step, and this is none of them: the condition would always come out the same.",
    wrong: "if: steps.choose.status == 'success'",
    right: "if: steps.choose.status == 'succeeded'",
  },
  "null-in-string": {
    title: "null inside a longer text",
    explanation:
      "A field whose whole value is a hole is left out when the hole is null; inside a longer text there is nothing to leave out. Choose another text for that case.",
    wrong: 'title: "Release ${{ null }}"',
    right: "title: \"Release ${{ inputs.release == null ? 'newest' : inputs.release }}\"",
  },
  "null-in-list": {
    title: "null as an item of a list",
    explanation:
      "Leaving the item out would move the others to other places, so an item is never null. Choose another value for that case.",
    wrong: 'run: [fly, status, "${{ null }}"]',
    right: "run: [fly, status, \"${{ inputs.release == null ? '' : inputs.release }}\"]",
  },
  "cel-regex": {
    title: "A regular expression that cannot be used",
    explanation:
      "Regular expressions run in linear time (RE2): there is no look-around and there are no back references.",
    wrong: "if: target.name.matches('(?=a)')",
    right: "if: target.name.matches('^a')",
  },
  "cel-limit": {
    title: "An expression that is too large",
    explanation: "Length, depth and number of parts are bounded. Split it: outputs of a step may hold parts.",
    wrong: "if: more than 4 KiB",
    right: "if: target.protected",
  },
  "unclosed-hole": {
    title: "A hole that is never closed",
    explanation:
      "A hole ends at the first `}}` outside texts and braces of the expression. `$${{` writes `${{` itself.",
    wrong: "title: Deploy ${{ target.name",
    right: "title: Deploy ${{ target.name }}",
  },
  "empty-hole": {
    title: "An empty hole",
    explanation: "Write an expression between `${{` and `}}`.",
    wrong: "title: Deploy ${{ }}",
    right: "title: Deploy ${{ target.name }}",
  },
  "hole-in-expression": {
    title: "A hole inside an expression",
    explanation: "`if`, `that`, `verify`, `outputs`, `measure` and `show` are expressions already.",
    wrong: "if: ${{ target.protected }}",
    right: "if: target.protected",
  },
  "constant-verification": {
    title: "A condition that is always the same",
    explanation: "It looks at nothing, so it proves nothing.",
    wrong: "verify: [1 == 1]",
    right: "verify: [result.status == 200]",
  },
  "secret-position": {
    title: "A secret where it would be seen",
    explanation:
      "Words of a command are visible to every process of the machine; titles and outputs are kept in the report. Secrets go by `env`, http headers, and fields a step type marks secret.",
    wrong: "run: fly deploy --token ${{ secrets.FLY_API_TOKEN }}",
    right: 'run: fly deploy\nenv: { FLY_API_TOKEN: "${{ secrets.FLY_API_TOKEN }}" }',
  },
  "hole-in-script": {
    title: "A value pasted into shell text",
    explanation: 'A value with a quote or a semicolon would become a command. Give it by `env` and write `"$NAME"`.',
    wrong: 'with: { script: "echo ${{ inputs.reason }}" }',
    right: 'with: { script: \'echo "$REASON"\' }\nenv: { REASON: "${{ inputs.reason }}" }',
  },
  "missing-effects": {
    title: "A command that does not say what it may change",
    explanation:
      "`run` and `script` can do anything, so they say `effects: read`, `write` or `destructive`. Plans, approvals and resuming depend on it.",
    wrong: "run: fly status",
    right: "run: fly status\neffects: read",
  },
  "method-without-effects": {
    title: "A request that does not say what it may change",
    explanation:
      "GET, HEAD and OPTIONS only read (https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods). A request with another method says `effects: write` or `destructive`, or `effects: read` when it changes nothing that lasts.",
    wrong: 'with: { method: POST, url: "${{ target.url }}/orders" }',
    right: 'effects: write\nwith: { method: POST, url: "${{ target.url }}/orders" }',
  },
  "weaker-effects": {
    title: "Weaker effects than the step type has",
    explanation: "A step may name stronger effects than its type, never weaker ones.",
    wrong: "uses: fly/deploy\neffects: read",
    right: "uses: fly/deploy",
  },
  "no-way-back": {
    title: "A write without a way back",
    explanation:
      "A step that changes something needs `rollback`, `irreversible` with a reason, or `idempotent: true`. The policy may make this a warning per target.",
    wrong: "run: fly scale count 3\neffects: write",
    right: "run: fly scale count 3\neffects: write\nidempotent: true",
  },
  "unsafe-retry": {
    title: "A write that is repeated blindly",
    explanation:
      "A failed write may have taken effect. Give it a `check`, the promise `idempotent: true`, or `onInterrupted: retry`.",
    wrong: "effects: write\nretry: 3",
    right: "effects: write\nretry: 3\nidempotent: true",
  },
  "retry-above-cap": {
    title: "More attempts than the policy allows",
    explanation: "`policy.maxRetries` of the project (3 by default) caps the attempts of every step.",
    wrong: "retry: 10",
    right: "retry: 3",
  },
  "interrupted-without-check": {
    title: "onInterrupted: check without a check",
    explanation: "There is nothing a resume could ask.",
    wrong: "onInterrupted: check",
    right: "onInterrupted: ask",
  },
  "guard-writes": {
    title: "A guard that changes something",
    explanation: "Guards run before anything is decided, and again before every resume, so they only read.",
    wrong: "guards: [{ id: g, title: G, run: touch x, effects: write }]",
    right: "guards: [{ id: g, title: G, run: test -e x, effects: read }]",
  },
  "check-writes": {
    title: "A check that may change something",
    explanation:
      "`check` asks whether a step is already done. It is asked before retries, on resume and by a probe, so its action only reads.",
    wrong: "check: { uses: fly/deploy, … }",
    right: "check: { uses: fly/status, … }",
  },
  "until-writes": {
    title: "A write that is repeated until something holds",
    explanation: "`until` repeats the action; only a read may be repeated. Write once, then wait in a step of its own.",
    wrong: "uses: fly/deploy\nuntil: { … }",
    right: "uses: fly/status\nuntil: { … }",
  },
  "until-without-timeout": {
    title: "A wait without an end",
    explanation: "`until` needs a `timeout`: waiting is not failing, but it must end.",
    wrong: "until: { that: result.status == 200 }",
    right: "until: { that: result.status == 200, timeout: 5m }",
  },
  "known-wrong-command": {
    title: "A command that does not exist or does not do what it seems",
    explanation: "A catalogue of subcommands and flags that people write from memory and that the tools do not have.",
    wrong: "run: fly releases rollback",
    right: "uses: fly/deploy",
  },
  "tool-not-allowed": {
    title: "A command outside the allow-list",
    explanation: "`policy.tools` of the project lists the commands runbooks may start.",
    wrong: "run: terraform apply",
    right: "run: fly status",
  },
  "objective-without-measure": {
    title: "An objective nobody measures",
    explanation:
      "Only `rto` has a measure of its own (start of run to last verified step). Others need `measure`, or steps that mark start and end.",
    wrong: "objectives: { rpo: { target: 24h } }",
    right: "objectives: { rpo: { target: 24h, measure: run.startedAt - steps.backup.startedAt } }",
  },
  "unknown-objective": {
    title: "A step marks an objective that is not declared",
    explanation: "Declare it under `objectives` with its target.",
    wrong: "objective: { rtoo: end }",
    right: "objective: { rto: end }",
  },
  "no-approval": {
    title: "A write on a protected target without an approval before it",
    explanation:
      "On a protected target an `approval` step must come before the first write, unless the policy names the kind in `noApproval`. It may be skipped elsewhere with `if: target.protected`.",
    wrong: "steps: [deploy]",
    right: "steps: [approve, deploy]",
  },
  "unverified-write": {
    title: "A deploy that is never verified",
    explanation:
      "Exit code 0 is not success. After the change look at the service from outside and say what must hold.",
    wrong: "steps: [deploy]",
    right: "steps: [deploy, look at the service with verify]",
  },
  "notify-type": {
    title: "A step type that notifies nobody",
    explanation: "`notify` speaks to people: `slack`, `pagerduty`, `email`, `http` or a plug-in.",
    wrong: "uses: fly/deploy",
    right: "uses: slack",
  },
  "open-too-long": {
    title: "An approval that would be open for more than seven days",
    explanation:
      "Time never approves: a question that nobody answers counts as refused, after seven days at the latest.",
    wrong: "expires: 30d",
    right: "expires: 7d",
  },
  "person-in-phase": {
    title: "A person is asked where nobody can wait",
    explanation: "`always` and `rollback` run without waiting for an answer, and a check must decide by itself.",
    wrong: "always: [{ id: a, title: A, uses: manual, … }]",
    right: "steps: [{ id: a, title: A, uses: manual, … }]",
  },
  "missing-file": {
    title: "A file that is not there",
    explanation:
      "Scripts, SQL, manifests and report layouts are copied into the run before it starts. They are looked for from the folder of the runbook; one folder up (`../`) is the project.",
    wrong: "with: { file: scirpts/rotate.sh }",
    right: "with: { file: scripts/rotate.sh }",
  },
  "bad-layout": {
    title: "A report layout that cannot be used",
    explanation:
      "A layout replaces the arrangement of `report.md`, never the evidence: it is Handlebars with the helpers of the packaged templates only, every value it names exists, and outside of conditions it places `{{> summary}}` and `{{> deviations}}` (or `{{> people}}`, which holds them).",
    wrong: "# {{headline heading}}\n\n{{> steps}}",
    right: "# {{headline heading}}\n\n{{> summary}}\n\n{{> steps}}\n\n{{> deviations}}",
  },
  "bad-plugin": {
    title: "A plug-in that cannot be used",
    explanation:
      "`plugins` of the project file names modules, as paths from the project or as packages. Each is one ES module that imports modules of Node only and exports one step type as its default, with a name `plugin/NAME` no other has.",
    wrong: "plugins: [./plugins/quue-depth.mjs]",
    right: "plugins: [./plugins/queue-depth.mjs]",
  },
  "unknown-plugin": {
    title: "A plug-in that is not named in the project file",
    explanation: "`plugin/NAME` needs its module under `plugins` in `runbook.config.yaml`.",
    wrong: "uses: plugin/acme",
    right: "plugins: [./plugins/acme.mjs]",
  },
} as const satisfies Record<string, CodeEntry>;
