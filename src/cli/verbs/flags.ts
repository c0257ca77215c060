/** The flags that several verbs share, as data, and those that every verb takes. */
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

export const target: Flag = {
  name: "target",
  short: "t",
  value: "NAME",
  summary: "where: a target of runbook.config.yaml",
};
export const input: Flag = {
  name: "input",
  short: "i",
  value: "NAME=VALUE",
  multiple: true,
  summary: "an input, read by its declared type",
};
export const inputsFile: Flag = {
  name: "inputs-file",
  short: "f",
  value: "FILE",
  summary: "inputs as a YAML or JSON map",
};
export const override: Flag = {
  name: "override",
  value: "STEP",
  multiple: true,
  summary: "pass a guard or approval that allows it; needs --reason",
};
export const reason: Flag = { name: "reason", value: "TEXT", summary: "why; kept in the report" };
export const attach: Flag = { name: "attach", value: "FILE", multiple: true, summary: "evidence for a manual step" };
export const since: Flag = { name: "since", value: "DURATION", summary: "only runs started since" };
export const number: Flag = { name: "number", short: "n", value: "N", summary: "at most N, the newest" };
export const result: Flag = {
  name: "result",
  value: "RESULT",
  values: runResults,
  summary: "only runs with this result",
};
export const step: Flag = { name: "step", value: "STEP", summary: "which step, when several wait" };
export const sign: Flag = { name: "sign", value: "KEY", summary: "sign with this private key file" };
export const waitForPerson: Flag = {
  name: "wait-for-person",
  value: "DURATION",
  summary: "stay attached this long when a person must decide",
};

export const report: Flag = {
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
