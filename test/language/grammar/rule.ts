/** Rules of the language as data: a right text, a wrong one, and the codes the wrong one gets. */

export interface Rule {
  readonly rule: string;
  readonly right: string;
  readonly wrong: string;
  /** Every code the wrong text gets, in order of position. */
  readonly codes: readonly string[];
}

export const look = "{ id: look, title: Look, uses: eval }";

/** A whole document: the required keys (each may be replaced), more top-level lines, and steps. */
export function documentOf(more: string, steps = `steps: [${look}]\n`): string {
  const required = [
    ["apiVersion", "runbook/v1"],
    ["name", "example"],
    ["version", "1.0.0"],
    ["title", "Example"],
    ["owner", "team-platform"],
    ["kind", "audit"],
    ["description", "For tests."],
  ] as const;
  const own = required.filter(([key]) => !new RegExp(`^#?${key}:`, "m").test(more));
  const body = /^#?steps:/m.test(more) ? "" : steps;
  return `${own.map(([key, value]) => `${key}: ${value}\n`).join("")}${more}\n${body}`;
}

/** A rule about a top-level key. */
export function header(rule: string, right: string, wrong: string, ...codes: string[]): Rule {
  return { rule, right: documentOf(right), wrong: documentOf(wrong), codes };
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : `    ${line}`))
    .join("\n");
}

const first = "inputs: { release: { type: string }, hosts: { type: array, items: { type: string }, default: [a] } }\n";
/** Reads both inputs, so that only what a rule is about is said. */
const reader =
  "  - { id: before, title: Before, uses: eval, note: \"${{ size(inputs.hosts) }} ${{ inputs.release == null ? '-' : inputs.release }}\" }\n";

function stepsOf(text: string, kind = "audit"): string {
  return documentOf(
    `kind: ${kind}\ntargets: [staging]\n${first}steps:\n${reader}  - id: a\n    title: A\n${indent(text)}\n`,
  );
}

/** A rule about the keys of one step, which has `id` and `title`. */
export function step(rule: string, right: string, wrong: string, ...codes: string[]): Rule {
  return { rule, right: stepsOf(right), wrong: stepsOf(wrong), codes };
}

export const http = 'uses: http\nwith: { url: "https://shop.example" }\n';
export const write = "run: touch x\neffects: write\n";
export const member = (id: string, more = "uses: eval") => `  - { id: ${id}, title: M, ${more} }`;
