/** The generated pages of the manual: every diagnostic, every step type. */
import { stringify } from "yaml";
import type { Catalogue, StepType } from "../../steps/step-type.ts";
import { formatDuration } from "../../util/duration.ts";
import { isObject, type JsonSchema } from "../../util/json.ts";
import { codes } from "../codes.ts";

/** File name in `docs/reference/` → its text, ending in a newline. Pure. */
export function manualPages(catalogue: Catalogue): Record<string, string> {
  return { "diagnostics.md": diagnosticsPage(), "steps.md": stepsPage(catalogue) };
}

function diagnosticsPage(): string {
  const entries = Object.entries(codes).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = entries.map(
    ([code, { title, explanation, wrong, right }]) =>
      `## ${code}\n\n${title}.\n\n${explanation}\n\n${fence("Wrong", wrong)}\n${fence("Right", right)}`,
  );
  return `# Diagnostics

What \`runbook validate\` says about a runbook or the project file before anything runs. Codes never change their meaning.
\`runbook validate --explain CODE\` prints the same text. ${entries.length} codes.

${sections.join("\n")}`;
}

function fence(label: string, yaml: string): string {
  return `${label}:\n\n\`\`\`yaml\n${yaml}\n\`\`\`\n`;
}

function stepsPage(catalogue: Catalogue): string {
  const types = [...catalogue.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
  const index = types.map(({ type, summary }) => `| [\`${type}\`](#${anchor(type)}) | ${cell(summary)} |`);
  return `# Step types

What stands after \`uses:\`, and what \`with:\` takes. \`run:\` is a key of its own; its result is here as well. Every value of
\`with\` may be a hole (\`\${{ … }}\`) unless it is marked *literal*.

| Type | What it does |
|---|---|
${index.join("\n")}

${types.map(section).join("\n")}`;
}

function section(step: StepType): string {
  const facts = [
    step.effectsRequired === true ? "effects: declared on each step" : `effects: ${step.effects}`,
    step.person === null ? `one attempt takes at most ${formatDuration(step.timeoutMs)}` : "waits for a person",
    ...(step.tools.length > 0 ? [`starts ${step.tools.map((tool) => `\`${tool}\``).join(", ")}`] : []),
    ...(step.stepKeys.length > 0 ? [`takes ${step.stepKeys.map((key) => `\`${key}\``).join(", ")}`] : []),
  ];
  const input =
    step.type === "run" ? "" : `${table("`with`", step.input, (name) => marks(step, name))}${usualCase(step)}`;
  return `## ${step.type}

${step.summary} (${facts.join("; ")}; [source](${step.docs}))

${input}${table("`result`", step.result, () => [])}`;
}

function usualCase({ type, examples: [usual] }: StepType): string {
  if (usual === undefined || Object.keys(usual).length === 0) return "";
  return `\`\`\`yaml\n${stringify({ uses: type, with: usual }, { lineWidth: 0 })}\`\`\`\n\n`;
}

/** What is special about a member of `with`. */
function marks(step: StepType, name: string): readonly string[] {
  const within = (fields: readonly string[]) => fields.some((field) => field === name || field.startsWith(`${name}.`));
  return [
    ...(within(step.secretFields) ? ["may hold secrets"] : []),
    ...(within(step.literalFields) ? ["literal"] : []),
    ...(within(step.fileFields) ? ["a file sealed with the run"] : []),
  ];
}

function table(title: string, schema: JsonSchema, marksOf: (name: string) => readonly string[]): string {
  const properties = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  if (properties.length === 0) return `${title}: nothing.\n\n`;
  const required: readonly unknown[] = Array.isArray(schema["required"]) ? schema["required"] : [];
  const rows = properties.map(([name, member]) => {
    const node = isObject(member) ? member : {};
    const more = [...(title === "`with`" && required.includes(name) ? ["required"] : []), ...marksOf(name)];
    const note = more.length === 0 ? "" : ` *(${more.join(", ")})*`;
    return `| \`${name}\` | ${typeText(node)} | ${cell(`${node["description"] ?? ""}${sentences(node)}`)}${note} |`;
  });
  return `| ${title} | Type | |\n|---|---|---|\n${rows.join("\n")}\n\n`;
}

/** What each value of a closed list means. */
function sentences({ enum: values, markdownEnumDescriptions: texts }: JsonSchema): string {
  if (!Array.isArray(values) || !Array.isArray(texts)) return "";
  return values.map((value, index) => ` \`${String(value)}\`: ${String(texts[index])}`).join("");
}

function typeText(schema: JsonSchema): string {
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => `\`${String(value)}\``).join(" ");
  const types = ([] as unknown[]).concat(schema["type"] ?? "any").map(String);
  const { items } = schema;
  return types.map((type) => (type === "array" && isObject(items) ? `list of ${typeText(items)}` : type)).join(" or ");
}

function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|");
}

/** As GitHub makes them: lower case, blanks to dashes, other marks gone. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^a-z0-9 _-]/g, "");
}
