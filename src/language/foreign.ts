/** Recognises files of other tools, so that the first error says what the file is instead of forty unknown keys. */
import { isObject } from "../util/json.ts";

/** What a document looks like ("a GitHub Actions workflow"), or null when it may be meant as a runbook. */
export function looksLike(data: unknown, text: string): string | null {
  const top = isObject(data) ? new Set(Object.keys(data)) : topLevelKeys(text);
  const version = isObject(data) ? data["apiVersion"] : /^apiVersion:\s*["']?([^\s"'#]+)/m.exec(text)?.[1];
  if (typeof version === "string" && version.startsWith("runbook/")) return null;
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
  return null;
}

function topLevelKeys(text: string): Set<string> {
  return new Set([...text.matchAll(/^["']?([A-Za-z_][\w-]*)["']?:(?:\s|$)/gm)].map((m) => m[1]!));
}
