/** `runbook.config.yaml` → `Config`, with the same strictness and the same diagnostics as a runbook. */

import type { JsonObject } from "../util/json.ts";
import { isObject } from "../util/json.ts";
import type { Approver, Config, SecretProvider, Target, Window } from "./config.ts";
import { diagnoseSchema } from "./diagnose-schema.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { Findings } from "./findings.ts";
import { lintConfig } from "./lint/config-rules.ts";
import { type Data, durationAt, listAt, mapAt, mapValues, numberAt, oneOf, textAt, textsAt } from "./plain-data.ts";
import { validatorOfConfig } from "./schema/validators.ts";
import type { Source } from "./source.ts";
import { readYaml } from "./yaml.ts";

export interface LoadedConfig {
  /** Null when there is any error. */
  readonly config: Config | null;
  readonly source: Source;
  readonly diagnostics: readonly Diagnostic[];
}

/** Never throws. Paths in the result stay relative to the project root. */
export function loadConfig({
  file,
  text,
  pluginProblem,
}: {
  readonly file: string;
  readonly text: string;
  /** What is wrong with a module of `plugins`, ending with a full stop; without it none is looked at. */
  readonly pluginProblem?: (module: string) => string | null;
}): LoadedConfig {
  const findings = new Findings();
  const source = readYaml(file, text, findings);
  if (source.data === null)
    findings.error("empty-file", { file, range: { start: 0, end: 0 } }, "The file is empty.", {
      hint: "`runbook init` writes a project file.",
    });
  if (source.data === undefined || source.data === null)
    return { config: null, source, diagnostics: findings.sorted() };
  const shapeHolds = diagnoseSchema(validatorOfConfig(), source, findings);
  const config = isObject(source.data) ? normalizeConfig(source.data) : null;
  if (config !== null && isObject(source.data)) {
    lintConfig(config, source, findings);
    for (const [i, module] of config.plugins.entries()) {
      const problem = pluginProblem?.(module) ?? null;
      if (problem === null) continue;
      findings.error("bad-plugin", source.at(`/plugins/${i}`), problem, {
        hint: "docs/plugins.md shows a whole one.",
      });
    }
  }
  return { config: shapeHolds && !findings.hasErrors ? config : null, source, diagnostics: findings.sorted() };
}

/** What holds without a project file: no target, the default policy, secrets from the environment. */
export const emptyConfig: Config = normalizeConfig({});

function normalizeConfig(data: Data): Config {
  const policy = mapAt(data, "policy");
  const evidence = mapAt(data, "evidence");
  return {
    targets: mapValues(mapAt(data, "targets"), target),
    windows: mapValues(mapAt(data, "windows"), (value) => (isObject(value) ? windowOf(value) : undefined)),
    policy: {
      maxRetries: numberAt(policy, "maxRetries") ?? 3,
      tools: Array.isArray(policy["tools"]) ? textsAt(policy, "tools") : null,
      reversibility: mapValues(mapAt(policy, "reversibility"), (value) =>
        value === "warn" || value === "error" ? value : undefined,
      ),
      noApproval: textsAt(policy, "noApproval"),
      approvers: mapValues(mapAt(policy, "approvers"), (value) =>
        Array.isArray(value) ? value.flatMap(approver) : undefined,
      ),
    },
    secrets:
      "secrets" in data
        ? listAt(data, "secrets").flatMap(provider)
        : [{ type: "env", prefix: "RUNBOOK_SECRET_", targets: null }],
    evidence: {
      retentionMs: durationAt(evidence, "retention"),
      append: textAt(evidence, "append"),
      artifactsDir: textAt(evidence, "artifactsDir"),
    },
    state: textAt(data, "state"),
    plugins: textsAt(data, "plugins"),
  };
}

function target(value: unknown, name: string): Target {
  const data = isObject(value) ? value : {};
  const variables = mapValues(data, (variable, key) =>
    key === "protected" || key === "sandbox" || key === "name" ? undefined : variable,
  );
  return {
    name,
    protected: data["protected"] === true,
    sandbox: data["sandbox"] === true,
    variables: variables as JsonObject,
  };
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

function windowOf(data: Data): Window | undefined {
  const hours = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(textAt(data, "hours") ?? "");
  if (hours === null) return undefined;
  const [, fromHour, fromMinute, toHour, toMinute] = hours.map(Number);
  return {
    days: daysOf(data["days"]),
    fromMinute: fromHour! * 60 + fromMinute!,
    toMinute: toHour! * 60 + toMinute!,
    timezone: textAt(data, "timezone") ?? "UTC",
    holidays: textsAt(data, "holidays"),
    mode: oneOf(data["mode"], ["block", "warn"], "block"),
  };
}

/** `Mon-Fri`, `Fri-Mon`, `Tue, Thu`, `[Sat, Sun]` → ISO weekday numbers in order; absent = every day. */
function daysOf(value: unknown): readonly number[] {
  const parts =
    typeof value === "string"
      ? value.split(",").map((part) => part.trim())
      : Array.isArray(value)
        ? value.map(String)
        : ["Mon-Sun"];
  const days = new Set<number>();
  for (const part of parts) {
    const [from, to = from] = part.split("-");
    const first = weekdays.indexOf(from!);
    const last = weekdays.indexOf(to!);
    if (first === -1 || last === -1) continue;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day + 1);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

function approver(value: unknown): readonly Approver[] {
  if (!isObject(value)) return [];
  return [{ name: textAt(value, "name") ?? "", key: textAt(value, "key") ?? "" }];
}

function provider(value: unknown): readonly SecretProvider[] {
  if (!isObject(value)) return [];
  const targets = Array.isArray(value["targets"]) ? textsAt(value, "targets") : null;
  switch (value["type"]) {
    case "env":
      return [{ targets, type: "env", prefix: textAt(value, "prefix") ?? "RUNBOOK_SECRET_" }];
    case "file":
      return [{ targets, type: "file", dir: textAt(value, "dir") ?? "" }];
    case "vault":
      return [
        {
          targets,
          type: "vault",
          address: textAt(value, "address") ?? "",
          mount: textAt(value, "mount") ?? "",
          path: textAt(value, "path") ?? "",
        },
      ];
    case "command":
      return [
        {
          targets,
          type: "command",
          command: textsAt(value, "command"),
          timeoutMs: durationAt(value, "timeout") ?? 10_000,
        },
      ];
    default:
      return [];
  }
}
