/** Recognises files of other tools, so that the first error says what the file is instead of forty unknown keys. */
import { isObject } from "../util/json.ts";

/** What a document looks like ("a GitHub Actions workflow"), or null when it may be meant as a runbook. */
export function looksLike(data: unknown, text: string): string | null {
  const top = isObject(data) ? new Set(Object.keys(data)) : topLevelKeys(text);
  const version = isObject(data) ? data["apiVersion"] : /^apiVersion:\s*["']?([^\s"'#]+)/m.exec(text)?.[1];
  if (typeof version === "string" && version.startsWith("runbook/")) return null;
  if (text.startsWith("#!")) return "a script";
  const has = (...keys: string[]) => keys.every((key) => top.has(key));
  if (has("jobs") && (has("on") || /^[ \t]+runs-on:/m.test(text))) return "a GitHub Actions workflow";
  if (has("runs") && /^[ \t]+using:/m.test(text)) return "a GitHub action";
  const listAtRoot = Array.isArray(data) || (data === undefined && top.size === 0 && /^- /m.test(text));
  if (listAtRoot && /^(?:- |[ \t]+(?:- )?)(?:hosts|tasks|roles|import_playbook):/m.test(text))
    return "an Ansible playbook";
  if (has("services") && /^[ \t]+(image|build|ports|container_name|depends_on):/m.test(text))
    return "a Docker Compose file";
  if (has("apiVersion", "kind") && (has("metadata") || has("spec"))) return "a Kubernetes manifest";
  if (has("stages") || (/^[ \t]+script:[ \t]*$/m.test(text) && /^[ \t]+stage:/m.test(text)))
    return "a GitLab CI pipeline";
  if (has("workflows") && has("version")) return "a CircleCI configuration";
  if (has("openapi") || has("swagger")) return "an OpenAPI description";
  if (has("tasks") && has("version") && !has("steps")) return "a Taskfile";
  if (has("dependencies") && has("name", "version") && !has("steps")) return "a package manifest";
  if (has("targets") && (has("policy") || has("windows") || has("secrets")) && !has("steps"))
    return "a project file (runbook.config.yaml)";
  if (ownKeys.some((key) => top.has(key))) return null;
  if (isObject(data)) return top.size > 0 ? "a file of another tool" : null;
  const isProse = typeof data === "string" || (data === undefined && linesOfProse(text) >= 2);
  return isProse ? "plain text" : null;
}

/** Keys of which every text that is meant as a runbook has at least one. */
const ownKeys = ["apiVersion", "name", "version", "title", "owner", "kind", "description", "steps", "guards"];

/** Lines that begin at the margin and hold three words in a row. */
function linesOfProse(text: string): number {
  const beginnings = text.split("\n", 100).map((line) => line.slice(0, 200));
  return beginnings.filter(
    (line) => /^[A-Za-z0-9#*>-]/.test(line) && /[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}/.test(line),
  ).length;
}

function topLevelKeys(text: string): Set<string> {
  return new Set([...text.matchAll(/^["']?([A-Za-z_][\w-]*)["']?:(?:\s|$)/gm)].map((m) => m[1]!));
}
