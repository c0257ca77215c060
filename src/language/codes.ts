/** Every diagnostic code with its explanation. Codes are stable: never reused, never renamed. */
import type { CodeEntry } from "./codes/entry.ts";
import { meaningCodes } from "./codes/meaning-codes.ts";
import { shapeCodes } from "./codes/shape-codes.ts";
import { yamlCodes } from "./codes/yaml-codes.ts";

const table = { ...yamlCodes, ...shapeCodes, ...meaningCodes } as const;

/** Kebab-case. */
export type DiagnosticCode = keyof typeof table;

export const codes: Readonly<Record<string, CodeEntry>> = table;

export function isDiagnosticCode(code: string): code is DiagnosticCode {
  return Object.hasOwn(table, code);
}

/** Text of `validate --explain CODE` as Markdown; null for a code that does not exist. */
export function explainCode(code: string): string | null {
  if (!isDiagnosticCode(code)) return null;
  const { title, explanation, wrong, right } = table[code];
  const block = (text: string) => `\`\`\`yaml\n${text}\n\`\`\`\n`;
  return `# ${code}\n\n${title}.\n\n${explanation}\n\nWrong:\n\n${block(wrong)}\nRight:\n\n${block(right)}`;
}
