/** The target as expressions see it: config variables, the runbook's extra ones, and what the sandbox supplies. */
import { UnknownValue } from "../language/cel/cel.ts";
import type { Config } from "../language/config.ts";
import type { Runbook } from "../language/runbook.ts";
import { type HostFacts, sandboxServices } from "../language/sandbox-services.ts";
import { isObject, type JsonObject } from "../util/json.ts";

/** What a running (or once started) sandbox supplies. */
export interface SandboxFacts {
  readonly url: string;
  readonly fly: string;
  readonly services: Readonly<Record<string, string>>;
  readonly hosts: readonly HostFacts[];
  readonly vaultFolder: string;
  /** Port of its database; null = it was never started. */
  readonly databasePort: number | null;
}

/** `sandbox`: null = the target is one and was never started, so what it supplies is not known yet. */
export function resolveTarget(
  config: Pick<Config, "targets">,
  runbook: Runbook,
  name: string,
  sandbox: SandboxFacts | null,
): JsonObject {
  const target = config.targets[name];
  if (target === undefined) throw new Error(`target ${name} is not in the config`);
  const { url, fly, services, hosts, vaultFolder } = sandbox ?? unknownFacts();
  const vault = sandboxVault(target.variables, { vaultFolder, services });
  const variables = { ...target.variables, ...runbook.targets[name] };
  return {
    // Picked by name: what else the sandbox knows (its dummy secrets) is no variable.
    ...(target.sandbox
      ? { url, fly, services, hosts, ...withPort(variables, sandbox?.databasePort ?? null), vault }
      : variables),
    name,
    protected: target.protected,
  } as unknown as JsonObject;
}

type Fact = string | UnknownValue;

/** Which of the sandbox's two vaults a target has: its folder, or with `vault: kv` its KV store. */
export function sandboxVault(
  variables: JsonObject,
  { vaultFolder, services }: { readonly vaultFolder: Fact; readonly services: Readonly<Record<string, Fact>> },
) {
  return variables["vault"] === "kv"
    ? { address: services["vault"], mount: "kv", path: "shop" }
    : { folder: vaultFolder };
}

function unknownFacts() {
  const unknown = () => new UnknownValue("sandbox");
  return {
    url: unknown(),
    fly: unknown(),
    hosts: unknown(),
    vaultFolder: unknown(),
    services: Object.fromEntries(sandboxServices.map((name) => [name, unknown()])),
  };
}

/** Port 0 of a server on loopback is the one the sandbox's database has; before that was ever started it stays 0. */
function withPort(variables: JsonObject, port: number | null): JsonObject {
  if (port === null) return variables;
  const filled = (value: JsonObject[string]) =>
    isObject(value) && value["port"] === 0 && isLoopback(value["host"]) ? { ...value, port } : value;
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, filled(value)])) as JsonObject;
}

/** Whether a `host` is this machine's own. */
export function isLoopback(host: unknown): boolean {
  return typeof host === "string" && /^(?:127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host);
}
