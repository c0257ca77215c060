/** Patterns of paths below the project: `evidence.append` and `evidence.artifactsDir`. */
import { nearestHint } from "../util/closest.ts";

/** Names in braces of `evidence.append` and `evidence.artifactsDir`. */
const evidencePlaceholders = ["actor", "date", "run", "runbook", "target"] as const;

/** What is wrong with a pattern of `evidence.append` or `evidence.artifactsDir`. */
export function patternProblem(pattern: string): { readonly message: string; readonly hint: string } | null {
  const inside = "Write a path below the project, without .. and without a leading slash.";
  if (pattern.includes("${{")) {
    return {
      message: "This path takes no expressions.",
      hint: `Names in braces may stand in it: ${evidencePlaceholders.map((name) => `{${name}}`).join(" ")}.`,
    };
  }
  if (/^[/~\\]|^[A-Za-z]:/.test(pattern) || pattern.split("/").includes("..")) {
    return { message: `"${pattern}" leads out of its folder.`, hint: inside };
  }
  if (pattern.trim() === "" || pattern.endsWith("/") || /[\0\n]/.test(pattern)) {
    return { message: "The path names no file.", hint: inside };
  }
  for (const [whole, name = ""] of pattern.matchAll(/\{([^{}]*)\}/g)) {
    if ((evidencePlaceholders as readonly string[]).includes(name)) continue;
    return {
      message: `${whole} is not known here.`,
      hint:
        nearestHint(name, evidencePlaceholders) ??
        `There are ${evidencePlaceholders.map((known) => `{${known}}`).join(" ")}.`,
    };
  }
  return null;
}

/**
 * The path of a run. Values come from logins and names: what could be more than a part of one path component becomes
 * `-`, and no component begins with a dot.
 */
export function fillPattern(
  pattern: string,
  values: Readonly<Record<(typeof evidencePlaceholders)[number], string>>,
): string {
  return pattern.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name)
      ? values[name as keyof typeof values].replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^\.+/, "-") || "-"
      : whole,
  );
}
