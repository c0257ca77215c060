/** Texts of `runbook help <topic>`. What is a table in the code is printed from that table. */
import { type ExitName, exitCodes } from "../../engine/exit-codes.ts";
import { preCommitText } from "../scaffold/project-templates.ts";
import { textTable } from "../terminal/text-table.ts";
import { commonFlags } from "../verbs/flags.ts";
import { environmentVariables } from "./environment-variables.ts";

const topics: Readonly<Record<string, () => string | Promise<string>>> = {
  "exit-codes": exitCodesText,
  environment: environmentText,
  flags: flagsText,
  expressions: expressionsText,
  formatting: () => formatting,
  security: () => security,
  diagnostics: diagnosticsText,
  failpoints: failpointsText,
  hooks: () => hooks,
};

export const topicNames: readonly string[] = Object.keys(topics);

/** Null for a topic that does not exist. */
export async function helpTopic(name: string): Promise<string | null> {
  return Object.hasOwn(topics, name) ? ((await topics[name]?.()) ?? null) : null;
}

/** What each exit code means to a script or a pager. */
export const exitMeanings: Readonly<Record<ExitName, string>> = {
  ok: "succeeded; valid; evidence intact",
  failed:
    "a step or verification failed, or the run was aborted; resumable. Also: evidence altered, --fail-on hit, drill overdue",
  usage: "bad flag, unknown name, missing input without a terminal",
  invalid: "runbook, config or plan file not valid; nothing ran",
  refused: "guard, window, policy, lock, permission, rejected or expired approval; nothing changed by this refusal",
  waiting: "suspended for a person; checkpointed",
  rolled_back: "failed, and everything that took effect was undone",
  rollback_failed: "failed, and so did the way back: state unknown. Page somebody",
  corrupt: "the journal is damaged beyond its torn tail; nothing ran",
  io: "the journal could not be made durable, and no step was started after it; or the evidence of a success could not be written",
  internal: "a bug of runbook",
  sigint: "Ctrl-C, after the checkpoint",
  sigterm: "SIGTERM, after the checkpoint",
};

function exitCodesText(): string {
  const rows = Object.entries(exitCodes).map(([name, code]) => [String(code), name, exitMeanings[name as ExitName]]);
  return `Exit codes\n\n${textTable(rows, "  ", 80)}\n\nThe same numbers and names stand in every JSON document (exitCode, exitName).\n`;
}

function environmentText(): string {
  return `Environment variables\n\n${textTable(
    environmentVariables.map(({ name, summary }) => [name, summary]),
    "  ",
    80,
  )}\n\nA flag wins over its variable. Steps see none of these: a step's environment is declared.\n`;
}

function flagsText(): string {
  const rows = commonFlags.map((flag) => [
    flag.short ? `-${flag.short}` : "",
    `--${flag.name}${flag.values ? ` ${flag.values.join("|")}` : flag.value ? ` ${flag.value}` : ""}`,
    flag.summary,
  ]);
  return `Flags of every verb\n\n${textTable(rows, "  ", 80)}\n`;
}

async function failpointsText(): Promise<string> {
  const { failpoints } = await import("../../host/failpoints.ts");
  return `Failpoints, for tests only: named points at which a process fails

  RUNBOOK_TESTING=1 RUNBOOK_FAILPOINT=name[:nth]=kill|exit|eio|enospc|torn:<bytes>|delay:<ms>

${textTable(Object.entries(failpoints), "  ", 80)}

Several are separated by commas. RUNBOOK_FAILPOINT_VICTIM=supervisor|both turns kill against the supervisor that
runs then, or against both. RUNBOOK_FAILPOINT_LOG=<file> gets a line "name nth -|action" for every pass. Without RUNBOOK_TESTING=1 they do nothing.
`;
}

async function diagnosticsText(): Promise<string> {
  const { codes } = await import("../../language/codes.ts");
  const rows = Object.entries(codes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, entry]) => [code, entry.title]);
  return `Diagnostics of runbook validate; each is explained by runbook validate --explain CODE\n\n${textTable(rows, "  ", 80)}\n`;
}

async function expressionsText(): Promise<string> {
  const { functions } = await import("../../language/cel/functions.ts");
  const { wrap } = await import("../terminal/plan-text.ts");
  const names = [...functions.keys()].filter((name) => /^[a-z]/i.test(name)).sort();
  return `Expressions are CEL, checked before anything runs.

  ${"$"}{{ steps.choose.outputs.image }}     a hole inside a string; a value that is only a hole keeps its type
  if: target.protected                  bare CEL in: if, that, verify, outputs, measure, show
  $${"$"}{{                                 writes ${"$"}{{ itself

Names
  inputs.NAME  target.NAME  target.name  target.protected
  steps.ID.outputs.NAME  .status .startedAt .finishedAt .durationMs .attempts .artifacts
  run.id  run.slug  run.actor  run.startedAt  run.reason  run.dry
  result  outputs  artifacts            inside the step itself
  secrets.NAME                          only in env, http headers and secret fields

Rules
  An id has no "-": in an expression that means minus.
  An input or output that may be absent is null: test it with x != null && … first.
  all() over an empty list is true: test size() too.
  Under plan a value not known yet is an unknown that names its step; a check over it is undecided.

Functions and macros
${wrap(`${names.join(" ")} has all exists exists_one filter map`, 80, 2, 2).join("\n")}
`;
}

const formatting = `Output

  stdout is data, stderr is progress and prompts, files are reports.
  -o text     for people; colour and symbols only in a terminal
  -o json     exactly one document, "format":"runbook.<thing>/1.0"; fields are only ever added within a major version
  -o ndjson   lines: a version line, then the journal's own (run, resume, attach, wait) or the verb's document on one line
  -o github   annotations of a workflow; sarif, junit: for other programs (validate)
  -o md       Markdown (show, report)

  Times are UTC, ISO 8601 with milliseconds; durations end in Ms. runbook schema prints the JSON Schemas.

  Colour: --color > NO_COLOR > FORCE_COLOR > TERM=dumb > is it a terminal. RUNBOOK_ASCII=1 draws without Unicode.
  Output of others is shown inert: a control character in a log becomes visible text and moves no cursor.
`;

const security = `Security

  Values never become shell text: run has no shell, scripts get values by env only.
  Secrets come from providers of runbook.config.yaml, never from a flag, and are masked in every stream and file.
  A run executes its sealed copy; a changed working tree is shown and ignored.
  On a protected target only a signature by a listed key other than the starter's approves. -y approves nothing.
  Every run is a hash-chained journal: runbook verify tells whether evidence is complete and unchanged.

  runbook does not protect against a hostile author of a runbook, root on this machine, or a step that wants to
  leak the secret it was given.

  next: runbook keys new NAME · runbook doctor
`;

const hooks = `A hook of pre-commit (https://pre-commit.com) that checks the runbooks of a commit, in .pre-commit-config.yaml:

${preCommitText}
As a plain Git hook, in .git/hooks/pre-commit:

  #!/bin/sh
  exec npx --no-install runbook validate
`;
