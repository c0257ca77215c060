/** A flag of a command, as pflag (the flag library of flyctl) knows it. */
export interface FlagSpec {
  readonly name: string;
  readonly shorthand?: string;
  /** `string` takes a value, `list` takes comma-separated values any number of times, `bool` takes none (or `=false`). */
  readonly kind: "string" | "list" | "bool";
}

export interface ParsedFlags {
  readonly positional: readonly string[];
  string(name: string): string | undefined;
  list(name: string): readonly string[];
  /** Undefined when the flag was not given. */
  bool(name: string): boolean | undefined;
}

/** A refusal of the command line; the message is what flyctl prints after `Error: `. */
export class FlagError extends Error {}

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Parses arguments by pflag's rules, with its messages (spf13/pflag, flag.go: parseLongArg, parseSingleShortArg). */
export function parseFlags(args: readonly string[], specs: readonly FlagSpec[]): ParsedFlags {
  const values = new Map<string, string[]>();
  const positional: string[] = [];
  const queue = [...args];
  const set = (spec: FlagSpec, value: string, shown: string) => {
    if (spec.kind === "bool" && !TRUE.has(value) && !FALSE.has(value)) {
      throw new FlagError(
        `invalid argument "${value}" for "${shown}" flag: strconv.ParseBool: parsing "${value}": invalid syntax`,
      );
    }
    const kept = spec.kind === "list" ? [...(values.get(spec.name) ?? []), ...value.split(",")] : [value];
    values.set(spec.name, kept);
  };
  while (queue.length > 0) {
    const arg = queue.shift() as string;
    if (arg === "--") {
      positional.push(...queue);
      break;
    }
    if (arg.startsWith("--")) {
      const [name, ...rest] = arg.slice(2).split("=");
      const spec = specs.find((each) => each.name === name);
      if (name === "" || name?.startsWith("-")) throw new FlagError(`bad flag syntax: ${arg}`);
      if (spec === undefined) throw new FlagError(`unknown flag: --${name}`);
      const shown = spec.shorthand === undefined ? `--${name}` : `-${spec.shorthand}, --${name}`;
      if (arg.includes("=")) set(spec, rest.join("="), shown);
      else if (spec.kind === "bool") set(spec, "true", shown);
      else if (queue.length === 0) throw new FlagError(`flag needs an argument: --${name}`);
      else set(spec, queue.shift() as string, shown);
    } else if (arg.startsWith("-") && arg.length > 1) {
      parseShort(arg, specs, queue, set);
    } else {
      positional.push(arg);
    }
  }
  return {
    positional,
    string: (name) => values.get(name)?.at(-1),
    list: (name) => values.get(name) ?? [],
    bool: (name) => {
      const value = values.get(name)?.at(-1);
      return value === undefined ? undefined : TRUE.has(value);
    },
  };
}

function parseShort(
  arg: string,
  specs: readonly FlagSpec[],
  queue: string[],
  set: (spec: FlagSpec, value: string, shown: string) => void,
): void {
  let letters = arg.slice(1);
  while (letters.length > 0) {
    const letter = letters[0] as string;
    const spec = specs.find((each) => each.shorthand === letter);
    if (spec === undefined) throw new FlagError(`unknown shorthand flag: '${letter}' in -${letters}`);
    const rest = letters.slice(1);
    const shown = `-${letter}, --${spec.name}`;
    if (spec.kind === "bool" && !rest.startsWith("=")) {
      set(spec, "true", shown);
      letters = rest;
      continue;
    }
    const value = rest === "" ? queue.shift() : rest.replace(/^=/, "");
    if (value === undefined) throw new FlagError(`flag needs an argument: '${letter}' in -${letters}`);
    set(spec, value, shown);
    return;
  }
}
