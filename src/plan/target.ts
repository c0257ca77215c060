/** The target as expressions see it: config variables, the runbook's extra ones, and what the sandbox supplies. */
import { UnknownValue } from "../language/cel/cel.ts";
import type { Config } from "../language/config.ts";
import type { Runbook } from "../language/runbook.ts";
import { sandboxServices } from "../language/sandbox-services.ts";
import type { JsonObject } from "../util/json.ts";

/** What a running (or once started) sandbox supplies. */
export interface SandboxFacts {
  readonly url: string;
  readonly fly: string;
  readonly services: Readonly<Record<string, string>>;
}

/** `sandbox`: null = the target is one and was never started, so what it supplies is not known yet. */
export function resolveTarget(
  config: Config,
  runbook: Runbook,
  name: string,
  sandbox: SandboxFacts | null,
): JsonObject {
  const target = config.targets[name];
  if (target === undefined) throw new Error(`target ${name} is not in the config`);
  const { url, fly, services } = sandbox ?? unknownFacts();
  return {
    // Picked by name: what else the sandbox knows (its dummy secrets) is no variable.
    ...(target.sandbox ? { url, fly, services } : {}),
    ...target.variables,
    ...runbook.targets[name],
    name,
    protected: target.protected,
  } as JsonObject;
}

function unknownFacts() {
  const unknown = () => new UnknownValue("sandbox");
  return {
    url: unknown(),
    fly: unknown(),
    services: Object.fromEntries(sandboxServices.map((name) => [name, unknown()])),
  };
}
