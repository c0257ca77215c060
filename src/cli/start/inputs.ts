/**
 * Inputs of a run: flag > inputs file > RUNBOOK_INPUT_NAME > default. Values are read by their declared type, arrays and
 * objects as JSON. Every problem is told at once with the flag that mends it.
 */
import { readFileSync } from "node:fs";
import { inputProblems } from "../../language/input-value.ts";
import type { Input, Runbook } from "../../language/runbook.ts";
import type { ResolvedInput } from "../../plan/build-plan.ts";
import { closest } from "../../util/closest.ts";
import { isObject } from "../../util/json.ts";
import { UsageError } from "../errors.ts";

export interface InputSources {
  /** `name=value` words. */
  readonly flags: readonly string[];
  /** Values that are typed already and win over everything: asked of a person, or given by a program. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Text typed by a person, read as a flag is. */
  readonly typed?: ReadonlyMap<string, string>;
  readonly file: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command with these `-i` words instead of those it was given; absent for a program. */
  readonly again?: (words: readonly string[]) => string;
  /** Asks a person for required inputs that nothing else gives; null = they left, and what is missing is told. */
  readonly ask?:
    | ((runbook: Runbook, names: readonly string[]) => Promise<ReadonlyMap<string, string> | null>)
    | undefined;
}

/** `missing`: what to do about a required input without a value. Throws `UsageError` listing everything wrong. */
export async function resolveInputs(
  runbook: Runbook,
  sources: InputSources,
  missing: "refuse" | "unknown",
): Promise<ResolvedInput[]> {
  const problems: string[] = [];
  const flags = new Map<string, string>();
  for (const word of sources.flags) {
    const at = word.indexOf("=");
    if (at < 1) problems.push(`-i ${word}: write it as -i name=value`);
    else flags.set(word.slice(0, at), word.slice(at + 1));
  }
  const fromFile = sources.file === undefined ? {} : await readInputsFile(sources.file);
  const names = Object.keys(runbook.inputs);
  for (const name of [...flags.keys(), ...Object.keys(fromFile), ...Object.keys(sources.values ?? {})]) {
    if (names.includes(name)) continue;
    const near = closest(name, names);
    const known = names.length === 0 ? "it has no inputs" : `its inputs are ${names.join(", ")}`;
    problems.push(`${runbook.name} has no input "${name}"${near ? `. Did you mean "${near}"?` : `: ${known}`}`);
  }
  const absent: string[] = [];
  const inputs: ResolvedInput[] = [];
  for (const [name, input] of Object.entries(runbook.inputs)) {
    const given = givenValue(name, input, flags, fromFile, sources);
    if (given.problem !== null) {
      problems.push(given.problem);
      continue;
    }
    const value = given.value === undefined ? (input.default ?? null) : given.value;
    const source = given.value !== undefined ? given.source : input.default === undefined ? "none" : "default";
    const lacks = value === null && input.required;
    if (lacks && missing === "refuse") absent.push(name);
    if (value !== null) problems.push(...problemsOf(name, input, value));
    inputs.push({ name, value, source, sensitive: input.sensitive, isUnknown: lacks && missing === "unknown" });
  }
  if (absent.length > 0 && sources.ask !== undefined && problems.length === 0) {
    const typed = await sources.ask(runbook, absent);
    if (typed !== null) return resolveInputs(runbook, { ...sources, typed, ask: undefined }, missing);
  }
  if (absent.length > 0) {
    const flagsText = absent.map((name) => `-i ${name}=…`).join(" ");
    const list = absent.map((name) => `  ${name}  ${runbook.inputs[name]?.description ?? ""}`.trimEnd()).join("\n");
    problems.push(
      `${absent.length === 1 ? "a required input is" : "required inputs are"} missing; add ${flagsText}\n${list}`,
    );
  }
  if (problems.length > 0) {
    const next = sources.again?.(mendedWords(runbook, flags, absent)) ?? `runbook plan ${runbook.name} --help`;
    throw new UsageError(problems.join("\n"), next);
  }
  return inputs;
}

/** The inputs to type next: what was right stays, and `…` stands where a value is missing or wrong, or is a secret. */
export function mendedWords(
  runbook: Runbook,
  flags: Iterable<readonly [name: string, value: string]>,
  absent: readonly string[],
): string[] {
  const names = Object.keys(runbook.inputs);
  const given = new Map([...flags].map(([name, value]) => [names.includes(name) ? name : closest(name, names), value]));
  return Object.entries(runbook.inputs).flatMap(([name, input]) => {
    const value = given.get(name) ?? (absent.includes(name) ? "…" : null);
    if (value === null) return [];
    return `${name}=${input.sensitive || problemOf(name, input, value) !== null ? "…" : value}`;
  });
}

type Given = { value: unknown; source: ResolvedInput["source"]; problem: string | null };

function givenValue(
  name: string,
  input: Input,
  flags: ReadonlyMap<string, string>,
  fromFile: Readonly<Record<string, unknown>>,
  { env, values = {}, typed }: InputSources,
): Given {
  if (Object.hasOwn(values, name)) return { value: values[name], source: "flag", problem: null };
  const answer = typed?.get(name);
  if (answer !== undefined) return { ...readText(name, input, answer), source: "prompt" };
  const flag = flags.get(name);
  if (flag !== undefined) return { ...readText(name, input, flag), source: "flag" };
  if (Object.hasOwn(fromFile, name)) return { value: fromFile[name], source: "file", problem: null };
  const variable = env[`RUNBOOK_INPUT_${name.toUpperCase()}`];
  if (variable !== undefined) return { ...readText(name, input, variable), source: "environment" };
  return { value: undefined, source: "none", problem: null };
}

/** What is wrong with a typed text as the value of an input; null = nothing. */
export function problemOf(name: string, input: Input, text: string): string | null {
  const { value, problem } = readText(name, input, text);
  return problem ?? problemsOf(name, input, value)[0] ?? null;
}

function readText(name: string, input: Input, text: string): { value: unknown; problem: string | null } {
  const wrong = (what: string) => ({ value: undefined, problem: `-i ${name}=${text}: ${what}` });
  switch (input.type) {
    case "string":
      return { value: text, problem: null };
    case "boolean":
      return text === "true" || text === "false"
        ? { value: text === "true", problem: null }
        : wrong("write true or false");
    case "integer":
      return /^-?\d+$/.test(text) ? { value: Number(text), problem: null } : wrong("write a whole number");
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text))
        ? { value: Number(text), problem: null }
        : wrong("write a number");
    default:
      try {
        return { value: JSON.parse(text), problem: null };
      } catch {
        return wrong(`write ${input.type === "array" ? "an array" : "an object"} as JSON`);
      }
  }
}

async function readInputsFile(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`--inputs-file ${file}: ${code === "ENOENT" ? "there is no such file" : message}`);
  }
  const { parsePlainYaml } = await import("../../language/plain-yaml.ts");
  let data: unknown;
  try {
    data = parsePlainYaml(text);
  } catch (error) {
    throw new UsageError(
      `--inputs-file ${file}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
    );
  }
  if (!isObject(data)) throw new UsageError(`--inputs-file ${file}: a map of input names and values is needed`);
  return data;
}

function problemsOf(name: string, input: Input, value: unknown): string[] {
  return inputProblems(value, input.schema).map((problem) => `-i ${name}: ${problem}`);
}
