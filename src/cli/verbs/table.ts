/**
 * Every verb and flag of the command line, as data: the parser, `--help`, completion, the manual page and `docs/cli.md`
 * are made from it. Light on purpose: it is loaded for `--help`.
 */
import { runResults } from "../../engine/events.ts";

export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** Word for the value; absent = a switch. */
  readonly value?: string;
  readonly multiple?: boolean;
  readonly values?: readonly string[];
  readonly summary: string;
}

export interface Verb {
  readonly name: string;
  readonly group: "Run" | "Decide" | "Look" | "Write" | "Prove" | "Tool";
  /** Positional words: `<runbook>`, `[<run>]`, `[paths...]`. */
  readonly args: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Shown first in `--help`, without the leading `runbook`. */
  readonly examples: readonly string[];
  /** Values of `-o`, the first is the default. */
  readonly outputs?: readonly string[];
}

const target: Flag = { name: "target", short: "t", value: "NAME", summary: "where: a target of runbook.config.yaml" };
const input: Flag = {
  name: "input",
  short: "i",
  value: "NAME=VALUE",
  multiple: true,
  summary: "an input, read by its declared type",
};
const inputsFile: Flag = { name: "inputs-file", short: "f", value: "FILE", summary: "inputs as a YAML or JSON map" };
const override: Flag = {
  name: "override",
  value: "STEP",
  multiple: true,
  summary: "pass a guard or approval that allows it; needs --reason",
};
const reason: Flag = { name: "reason", value: "TEXT", summary: "why; kept in the report" };
const attach: Flag = { name: "attach", value: "FILE", multiple: true, summary: "evidence for a manual step" };
const since: Flag = { name: "since", value: "DURATION", summary: "only runs started since" };
const number: Flag = { name: "number", short: "n", value: "N", summary: "at most N, the newest" };
const result: Flag = { name: "result", value: "RESULT", values: runResults, summary: "only runs with this result" };
const step: Flag = { name: "step", value: "STEP", summary: "which step, when several wait" };
const sign: Flag = { name: "sign", value: "KEY", summary: "sign with this private key file" };
const waitForPerson: Flag = {
  name: "wait-for-person",
  value: "DURATION",
  summary: "stay attached this long when a person must decide",
};

const report: Flag = {
  name: "report",
  value: "FORMAT[=PATH]",
  multiple: true,
  summary: "also write it: md, html, json, junit, ctrf, prom",
};

/** Flags every verb takes. */
export const commonFlags: readonly Flag[] = [
  { name: "output", short: "o", value: "FORMAT", summary: "text, json, ndjson, or what the verb names" },
  { name: "quiet", short: "q", summary: "no progress" },
  { name: "verbose", short: "v", multiple: true, summary: "more; repeat for even more" },
  { name: "yes", short: "y", summary: 'skip "are you sure"; never approves anything' },
  { name: "dir", short: "C", value: "DIR", summary: "run as if started in DIR" },
  { name: "no-input", summary: "never prompt" },
  { name: "color", value: "WHEN", values: ["auto", "always", "never"], summary: "colour in text output" },
  { name: "progress", value: "MODE", values: ["auto", "tty", "plain", "quiet"], summary: "how progress is shown" },
  { name: "state-dir", value: "DIR", summary: "where runs are kept (RUNBOOK_STATE_DIR)" },
  { name: "help", short: "h", summary: "help for the verb" },
];

export const verbs: readonly Verb[] = [
  {
    name: "run",
    group: "Run",
    args: "<runbook>",
    summary: "Execute a runbook",
    examples: [
      'run rollback-production -t local -i reason="bad release"',
      "run rollback-production -t production -i reason=INC-482 --dry-run",
    ],
    outputs: ["text", "json", "ndjson"],
    flags: [
      target,
      input,
      inputsFile,
      { name: "dry-run", summary: "the same as `plan`: nothing is executed" },
      { name: "plan", value: "FILE", summary: "run exactly this saved plan, or refuse" },
      { name: "approval", value: "FILE", summary: "an approval of that plan (CI)" },
      { name: "detach", summary: "return at once with the run id" },
      override,
      reason,
      report,
      {
        name: "fail-on",
        value: "WHAT",
        multiple: true,
        values: ["objective", "budget", "warning"],
        summary: "exit 1 when met although the run succeeded",
      },
      waitForPerson,
      {
        name: "on-disconnect",
        value: "WHAT",
        values: ["continue", "stop"],
        summary: "when this command vanishes (default: continue in a terminal, else stop)",
      },
    ],
  },
  {
    name: "plan",
    group: "Run",
    args: "[<runbook>]",
    summary: "Show what would happen; execute nothing",
    examples: ["plan rollback-production -t local -i reason=test", "plan --all"],
    outputs: ["text", "json"],
    flags: [
      target,
      input,
      inputsFile,
      { name: "all", summary: "every runbook on every target it lists" },
      { name: "probe", summary: "run the read steps to fill in what is not known" },
      { name: "save", value: "FILE", summary: "keep the plan for `run --plan` and `approve --plan`" },
      override,
      reason,
    ],
  },
  {
    name: "resume",
    group: "Run",
    args: "[<run>]",
    summary: "Go on after a failure, a crash or a wait",
    examples: ["resume", 'resume rb-7f3k2m --accept deploy --reason "checked by hand"', "resume last --rollback"],
    outputs: ["text", "json", "ndjson"],
    flags: [
      { name: "accept", value: "STEP", multiple: true, summary: "a person did it: count it as done; needs --reason" },
      { name: "retry", value: "STEP", multiple: true, summary: "run it again" },
      { name: "skip", value: "STEP", multiple: true, summary: "leave it out; needs --reason" },
      { name: "rollback", summary: "undo what took effect" },
      override,
      reason,
      input,
      report,
      waitForPerson,
      { name: "detach", summary: "return at once" },
    ],
  },
  {
    name: "attach",
    group: "Run",
    args: "[<run>]",
    summary: "Follow a run from any terminal",
    examples: ["attach last"],
    outputs: ["text", "json", "ndjson"],
    flags: [],
  },
  {
    name: "wait",
    group: "Run",
    args: "[<run>]",
    summary: "Wait for a run and end with its code",
    examples: ["wait last -o json"],
    outputs: ["text", "json", "ndjson"],
    flags: [],
  },
  {
    name: "abort",
    group: "Run",
    args: "[<run>]",
    summary: "Stop a run at the next safe point",
    examples: ['abort last --reason "wrong target"', "abort last --rollback"],
    outputs: ["text", "json"],
    flags: [
      { name: "rollback", summary: "undo what took effect" },
      { name: "now", summary: "end the running step too" },
      reason,
    ],
  },
  {
    name: "approve",
    group: "Decide",
    args: "[<run>]",
    summary: "Answer with yes what a run waits for",
    examples: ["approve last", "approve rb-7f3k2m --sign keys/operators.pem"],
    outputs: ["text", "json"],
    flags: [
      step,
      reason,
      attach,
      sign,
      { name: "plan", value: "FILE", summary: "approve a saved plan and print the approval (CI)" },
    ],
  },
  {
    name: "reject",
    group: "Decide",
    args: "[<run>]",
    summary: "Answer with no: the run stops, or rolls back",
    examples: ['reject last --reason "not during the sale"'],
    outputs: ["text", "json"],
    flags: [step, reason, attach, sign],
  },
  {
    name: "status",
    group: "Look",
    args: "[<run>]",
    summary: "What runs, what waits for whom",
    examples: ["status", "status last -o json", "status last --watch"],
    outputs: ["text", "json"],
    flags: [{ name: "watch", summary: "follow it, read only, until nobody works on it" }],
  },
  {
    name: "show",
    group: "Look",
    args: "<runbook|run>",
    summary: "The procedure as a document, results in place",
    examples: ["show rollback-production", "show rollback-production > rollback.md"],
    outputs: ["md", "json"],
    flags: [],
  },
  {
    name: "logs",
    group: "Look",
    args: "<run> [step]",
    summary: "Print the masked output of a run's steps",
    examples: ["logs last deploy"],
    outputs: ["text", "json"],
    flags: [{ name: "follow", summary: "until the run ends" }],
  },
  {
    name: "list",
    group: "Look",
    args: "",
    summary: "The runbooks here and their last results",
    examples: ["list", "list --kind rollback", "list --stale"],
    outputs: ["text", "json"],
    flags: [
      { name: "tag", value: "TAG", summary: "only those with this tag" },
      { name: "kind", value: "KIND", summary: "only those of this kind" },
      { name: "stale", summary: "only overdue drills; exit 1 when there is one" },
    ],
  },
  {
    name: "trend",
    group: "Look",
    args: "<runbook>",
    summary: "How its runs develop: objectives, slowest steps",
    examples: ["trend rollback-production"],
    outputs: ["md", "json", "svg"],
    flags: [since, result, number],
  },
  {
    name: "history",
    group: "Look",
    args: "[<runbook>]",
    summary: "Past runs, newest first",
    examples: ["history rollback-production -n 5", "history --since 30d --totals"],
    outputs: ["text", "json"],
    flags: [
      since,
      result,
      number,
      { name: "totals", summary: "instead: how many succeeded, how long the way back took" },
    ],
  },
  {
    name: "report",
    group: "Prove",
    args: "[<run>]",
    summary: "Render the evidence report again, byte for byte",
    examples: ["report last", "report last -o html > report.html"],
    outputs: ["md", "html", "json"],
    flags: [
      { name: "template", value: "FILE", summary: "arranged by this Handlebars layout" },
      { name: "open", summary: "show the HTML report in a browser (BROWSER)" },
    ],
  },
  {
    name: "verify",
    group: "Prove",
    args: "[<run|dir>]",
    summary: "Is this evidence complete and unchanged? Offline",
    examples: ["verify last", "verify ./evidence/rb-7f3k2m -o json", "verify last --check soc2-a1.3"],
    outputs: ["text", "json"],
    flags: [
      { name: "key", value: "FILE", summary: "the public key that must have signed" },
      { name: "head", value: "sha256:HEX", summary: "the anchored hash of the last record" },
      {
        name: "check",
        value: "STANDARD",
        values: ["soc2-a1.3", "iso22301", "pci-6.5.1", "nist-800-84"],
        summary: "what a standard asks for, and what of it is there",
      },
    ],
  },
  {
    name: "annotate",
    group: "Prove",
    args: "[<run>]",
    summary: "Add findings, actions, sign-offs to a sealed run",
    examples: [
      'annotate last --finding "Restore took twice as long as in spring"',
      'annotate last --action "Alert; owner: team-db; due: 2026-12-01"',
    ],
    outputs: ["text", "json"],
    flags: [
      { name: "finding", value: "TEXT", multiple: true, summary: "what was found" },
      {
        name: "action",
        value: "TEXT",
        multiple: true,
        summary: "what will be done: text; owner: …; due: …; ticket: …",
      },
      { name: "field", value: "NAME=TEXT", multiple: true, summary: "a field that verify --check asks for" },
      { name: "sign-off", value: "ROLE", multiple: true, summary: "you take note, as this role" },
      sign,
    ],
  },
  {
    name: "validate",
    group: "Write",
    args: "[paths...]",
    summary: "Check runbooks and the project file in one pass",
    examples: [
      "validate",
      "validate runbooks/rollback-production.yaml -o github",
      "validate --fix",
      "validate --explain shell-in-run",
    ],
    outputs: ["text", "json", "github", "sarif", "junit"],
    flags: [
      { name: "strict", summary: "warnings fail too" },
      { name: "fix", summary: "repair what is mechanical, in place; tell what is left" },
      { name: "explain", value: "CODE", summary: "what a diagnostic means, with a right and a wrong example" },
    ],
  },
  {
    name: "new",
    group: "Write",
    args: "<name>",
    summary: "Write a runbook to begin with",
    examples: ["new restart-web", "new rollback-web --template rollback"],
    outputs: ["text", "json"],
    flags: [
      {
        name: "template",
        value: "NAME",
        values: ["deploy", "rollback", "restore-drill", "checklist", "smoke-test"],
        summary: "what it begins as (default: checklist)",
      },
    ],
  },
  {
    name: "init",
    group: "Write",
    args: "",
    summary: "Begin a project: config, CI workflow, pre-commit",
    examples: ["init", "init -C ../shop"],
    outputs: ["text", "json"],
    flags: [],
  },
  {
    name: "docs",
    group: "Write",
    args: "",
    summary: "Render every runbook to docs/runbooks/NAME.md",
    examples: ["docs", "docs --check"],
    outputs: ["text", "json"],
    flags: [{ name: "check", summary: "write nothing; exit 1 when a page is stale" }],
  },
  {
    name: "schema",
    group: "Write",
    args: "[name]",
    summary: "Print a JSON Schema",
    examples: ["schema", "schema runbook"],
    flags: [],
  },
  {
    name: "keys",
    group: "Tool",
    args: "<new|list> [name]",
    summary: "Make or list signing keys for approvals",
    examples: ["keys new operators@example", "keys list"],
    outputs: ["text", "json"],
    flags: [{ name: "out", value: "FILE", summary: "where the private key goes; the public one beside it as .pub" }],
  },
  {
    name: "prune",
    group: "Tool",
    args: "",
    summary: "Delete runs past their retention, with --yes",
    examples: ["prune", "prune --yes"],
    outputs: ["text", "json"],
    flags: [],
  },
  {
    name: "doctor",
    group: "Tool",
    args: "[<runbook>]",
    summary: "What is missing here, and how to get it",
    examples: ["doctor", "doctor rollback-production -t production"],
    outputs: ["text", "json"],
    flags: [target],
  },
  {
    name: "completion",
    group: "Tool",
    args: "<shell>",
    summary: "Print a script for completion: bash, zsh, fish",
    examples: ["completion bash", "completion fish > ~/.config/fish/completions/runbook.fish"],
    flags: [],
  },
  {
    name: "help",
    group: "Tool",
    args: "[topic]",
    summary: "Help on a verb or a topic, such as exit-codes",
    examples: ["help exit-codes", "help plan"],
    flags: [],
  },
];

export function verbNamed(name: string): Verb | undefined {
  return verbs.find((verb) => verb.name === name);
}
