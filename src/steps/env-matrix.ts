/**
 * A matrix of variables and environments, as YAML or as the first table of a Markdown file, against what one environment
 * has. An empty cell is a question nobody answered, so it fails.
 */
import { isObject } from "../util/json.ts";
import { closed, listOf, result, row, text, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

type Need = "required" | "optional" | "absent";

interface MatrixSpec {
  readonly file: string;
  readonly environment: string;
  readonly have: readonly string[];
}

interface MatrixResult {
  readonly variables: readonly { readonly name: string; readonly need: Need }[];
  readonly environments: number;
  readonly missing: readonly string[];
  readonly forbidden: readonly string[];
  readonly undeclared: readonly string[];
  readonly unanswered: readonly string[];
}

/** Variable → environment → the cell's text. */
type Matrix = ReadonlyMap<string, ReadonlyMap<string, string>>;

const words: Readonly<Record<string, Need>> = {
  required: "required",
  yes: "required",
  x: "required",
  "✓": "required",
  "✅": "required",
  optional: "optional",
  absent: "absent",
  no: "absent",
  "-": "absent",
  "–": "absent",
};

export const envMatrix = defineStepType<MatrixSpec, MatrixResult>({
  type: "env-matrix",
  summary:
    "Reads a matrix of variables and environments (YAML, or a table in Markdown) and compares its column with what an environment has.",
  docs: "https://12factor.net/config",
  effects: "read",
  timeoutMs: 10_000,
  input: closed(
    {
      file: text(
        "The matrix, beside the runbook: YAML `variables: { NAME: { staging: required } }`, or Markdown with `| Variable | staging |`. Cells: `required`, `optional`, `absent`.",
        { pattern: "\\.(ya?ml|md)$" },
      ),
      environment: text("The column to compare.", { minLength: 1 }),
      have: listOf(text("Name."), "Names of the variables and secrets that the environment has.", { minItems: 1 }),
    },
    ["file", "environment", "have"],
  ),
  examples: [
    { file: "env-matrix.md", environment: "${{ target.name }}", have: "${{ steps.look.outputs.names }}" },
    { file: "env-matrix.yaml", environment: "staging", have: ["DATABASE_URL", "SESSION_KEY"] },
  ],
  result: result({
    variables: listOf(
      row({ name: text("Name."), need: text("What the matrix asks.", { enum: ["required", "optional", "absent"] }) }),
      "Variables of the column that have an answer.",
    ),
    environments: whole("Columns of the matrix."),
    missing: listOf(text("Name."), "Required and not there."),
    forbidden: listOf(text("Name."), "There, though the matrix says `absent`."),
    undeclared: listOf(text("Name."), "There, and not in the matrix."),
    unanswered: listOf(text("Cell."), "Cells of any column that say nothing, or something unknown."),
  }),
  fileFields: ["file"],
  action: (spec) => ({ text: `compare ${spec.environment} with its column of ${spec.file}`, argv: null }),
  async run(spec, host) {
    const source = host.files.readSealed(spec.file);
    const matrix = spec.file.endsWith(".md") ? fromMarkdown(spec.file, source) : await fromYaml(spec.file, source);
    const environments = [...new Set([...matrix.values()].flatMap((cells) => [...cells.keys()]))];
    if (matrix.size === 0) throw damaged(spec.file, "it has no variable");
    if (!environments.includes(spec.environment))
      throw damaged(spec.file, `it has no column ${spec.environment}, but ${environments.join(", ")}`);
    const have = new Set(spec.have);
    const column = [...matrix].map(([name, cells]) => ({ name, need: needOf(cells.get(spec.environment)) }));
    const variables = column.filter((each): each is { name: string; need: Need } => each.need !== null);
    return {
      variables,
      environments: environments.length,
      missing: variables.filter(({ name, need }) => need === "required" && !have.has(name)).map(({ name }) => name),
      forbidden: variables.filter(({ name, need }) => need === "absent" && have.has(name)).map(({ name }) => name),
      undeclared: [...have].filter((name) => !matrix.has(name)).sort(),
      unanswered: [...matrix].flatMap(([name, cells]) =>
        environments.filter((each) => needOf(cells.get(each)) === null).map((each) => `${name} in ${each}`),
      ),
    };
  },
});

function needOf(cell: string | undefined): Need | null {
  return words[(cell ?? "").trim().toLowerCase()] ?? null;
}

async function fromYaml(file: string, source: string): Promise<Matrix> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(source, { schema: "core", uniqueKeys: true, merge: false });
  const [problem] = document.errors;
  if (problem !== undefined) throw damaged(file, problem.message.split("\n")[0] ?? "it is no YAML");
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw damaged(file, "it has an alias; write the cells out");
  }
  const variables = isObject(value) ? value["variables"] : null;
  if (!isObject(variables)) throw damaged(file, "it has no map `variables`");
  return new Map(
    Object.entries(variables).map(([name, cells]) => {
      if (!isObject(cells)) throw damaged(file, `${name} is no map of environments`);
      return [name, new Map(Object.entries(cells).map(([each, cell]) => [each, String(cell ?? "")]))];
    }),
  );
}

/** The first table whose first column is headed `Variable`. */
function fromMarkdown(file: string, source: string): Matrix {
  const rows = source.split(/\r?\n/).map(cellsOf);
  const start = rows.findIndex((cells) => /^(variable|name)s?$/i.test(cells?.[0] ?? ""));
  const head = rows[start];
  if (head === undefined || head === null) throw damaged(file, "it has no table whose first column is headed Variable");
  const matrix = new Map<string, ReadonlyMap<string, string>>();
  for (const cells of rows.slice(start + 2)) {
    if (cells === null) break;
    const name = (cells[0] ?? "").replace(/^`|`$/g, "");
    if (matrix.has(name)) throw damaged(file, `${name} stands in it twice`);
    matrix.set(name, new Map(head.slice(1).map((each, index) => [each, cells[index + 1] ?? ""])));
  }
  return matrix;
}

/** Cells of a row of a table; null for any other line. */
function cellsOf(line: string): string[] | null {
  const trimmed = line.trim();
  if (!trimmed.startsWith("|")) return null;
  return trimmed
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());
}

function damaged(file: string, why: string): StepFailure {
  return new StepFailure("failed", "matrix-damaged", `${file} cannot be read as a matrix: ${why}.`, {
    facts: { file },
  });
}
