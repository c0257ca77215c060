/**
 * What may come next on a command line: answers the completion scripts. Reads names only (folders, the keys of YAML
 * files); validates nothing, so that it answers in well under 100 ms.
 */
import { resolve } from "node:path";
import { commonFlags, type Flag } from "../verbs/flags.ts";
import { type Verb, verbNamed, verbs } from "../verbs/table.ts";
import { inputNames, inputValues, openNames, type ProjectNames, runNames, targetNames } from "./completion-names.ts";

export interface Candidate {
  readonly value: string;
  readonly summary: string;
}

interface Line {
  readonly verb: Verb | null;
  /** Positional words between the verb and the word being completed. */
  readonly positionals: readonly string[];
  /** Flags given so far, by long name. */
  readonly given: readonly { readonly flag: Flag; readonly value: string | null }[];
  /** The flag whose value is being completed. */
  readonly open: Flag | null;
  readonly current: string;
  /** `--flag=` in front of `current` in the word as typed. */
  readonly prefix: string;
}

/** `words`: after the program's name; the last is the one being completed and may be empty. */
export async function complete(words: readonly string[]): Promise<Candidate[]> {
  const line = parseLine(words);
  const candidates = await candidatesOf(line);
  return candidates
    .filter(({ value }) => value.startsWith(line.current))
    .map(({ value, summary }) => ({ value: line.prefix + value, summary }));
}

function parseLine(words: readonly string[]): Line {
  const before = words.slice(0, -1);
  let current = words.at(-1) ?? "";
  let verb: Verb | null = null;
  let open: Flag | null = null;
  const positionals: string[] = [];
  const given: { flag: Flag; value: string | null }[] = [];
  for (const word of before) {
    if (open !== null) {
      given.push({ flag: open, value: word });
      open = null;
      continue;
    }
    const flag = flagOf(word, verb);
    if (flag === null) {
      if (word.startsWith("-")) continue;
      if (verb === null) verb = verbNamed(word) ?? null;
      else positionals.push(word);
    } else if (flag.value === undefined) given.push({ flag, value: null });
    else if (word.startsWith("--") && word.includes("="))
      given.push({ flag, value: word.slice(word.indexOf("=") + 1) });
    else open = flag;
  }
  const joined = /^(--[a-z-]+)=(.*)$/s.exec(current);
  if (open === null && joined !== null) {
    open = flagOf(joined[1] ?? "", verb);
    if (open !== null) current = joined[2] ?? "";
  }
  const prefix = joined !== null && open !== null && current !== words.at(-1) ? `${joined[1]}=` : "";
  return { verb, positionals, given, open, current, prefix };
}

function flagsFor(verb: Verb | null): readonly Flag[] {
  return [...(verb?.flags ?? []), ...commonFlags];
}

function flagOf(word: string, verb: Verb | null): Flag | null {
  if (!word.startsWith("-") || word === "-") return null;
  const name = word.split("=")[0];
  return flagsFor(verb).find((flag) => name === `--${flag.name}` || name === `-${flag.short}`) ?? null;
}

async function candidatesOf(line: Line): Promise<Candidate[]> {
  const { verb, open, current } = line;
  if (open !== null) return await valuesOf(open, line);
  if (current.startsWith("-")) return flagCandidates(line);
  if (verb === null) return verbs.map(({ name, summary }) => ({ value: name, summary }));
  return await positionalsOf(verb, line);
}

function flagCandidates(line: Line): Candidate[] {
  const used = new Set(line.given.map(({ flag }) => flag.name));
  const flags = flagsFor(line.verb)
    .filter((flag) => flag.multiple === true || !used.has(flag.name))
    .map((flag) => ({ value: `--${flag.name}`, summary: flag.summary }));
  return line.verb === null ? [...flags, { value: "--version", summary: "the version of runbook" }] : flags;
}

async function valuesOf(flag: Flag, line: Line): Promise<Candidate[]> {
  if (flag.values) return flag.values.map((value) => ({ value, summary: "" }));
  switch (flag.name) {
    case "output":
      return (line.verb?.outputs ?? ["text"]).map((value) => ({ value, summary: "" }));
    case "target":
      return await targetNames(await namesOf(line), line.positionals[0]);
    case "input":
      return await inputCandidates(line);
    case "kind": {
      const { runbookKinds } = await import("../../language/runbook.ts");
      return runbookKinds.map((value) => ({ value, summary: "" }));
    }
    case "explain": {
      const { codes } = await import("../../language/codes.ts");
      return Object.entries(codes).map(([value, { title }]) => ({ value, summary: title }));
    }
    default:
      return [];
  }
}

async function inputCandidates(line: Line): Promise<Candidate[]> {
  const names = await namesOf(line);
  const runbook = line.positionals[0];
  if (runbook === undefined) return [];
  const at = line.current.indexOf("=");
  if (at < 0) return await inputNames(names, runbook);
  const name = line.current.slice(0, at);
  const values = await inputValues(names, runbook, name);
  return values.map((value) => ({ value: `${name}=${value}`, summary: "" }));
}

async function positionalsOf(verb: Verb, line: Line): Promise<Candidate[]> {
  if (verb.name === "help") {
    if (line.positionals.length > 0) return [];
    const { topicNames } = await import("./help-topics.ts");
    return [...topicNames, ...verbs.map(({ name }) => name)].map((value) => ({ value, summary: "" }));
  }
  if (line.positionals.length > 0) return [];
  const fixed: Readonly<Record<string, readonly string[]>> = {
    keys: ["new", "list"],
    completion: ["bash", "zsh", "fish"],
  };
  const words = fixed[verb.name];
  if (words !== undefined) return words.map((value) => ({ value, summary: "" }));
  if (verb.name === "schema") {
    const { schemaNames } = await import("./published-schemas.ts");
    return schemaNames().map((value) => ({ value, summary: "" }));
  }
  const names = await namesOf(line);
  const runbooks = /\brunbook\b/.test(verb.args) ? names.runbooks.map((value) => ({ value, summary: "" })) : [];
  const runs = /\brun\b/.test(verb.args) ? runNames(names.stateDir) : [];
  return [...runbooks, ...runs];
}

async function namesOf(line: Line): Promise<ProjectNames> {
  const last = (name: string) => line.given.findLast(({ flag }) => flag.name === name)?.value ?? undefined;
  return await openNames(resolve(last("dir") ?? "."), last("state-dir"));
}
