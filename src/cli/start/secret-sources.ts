/** Who is asked for the secrets of a run, in order. On a sandbox its own vault comes after the project's providers. */
import type { SandboxInfo } from "../../../sandbox/client.ts";
import type { AskedProvider, SecretSources } from "../../host/secrets.ts";
import type { SecretProvider } from "../../language/config.ts";
import type { Runbook } from "../../language/runbook.ts";
import { sandboxVault } from "../../plan/target.ts";
import type { JsonObject } from "../../util/json.ts";

interface Asking {
  readonly runbook: Runbook;
  readonly target: { readonly name: string; readonly variables: JsonObject };
  readonly providers: readonly SecretProvider[];
  readonly projectDir: string;
  /** Null = the target is none, or it was never started. */
  readonly sandbox: SandboxInfo | null;
}

export async function secretSources(asking: Asking): Promise<SecretSources> {
  const { runbook, target, providers, projectDir, sandbox } = asking;
  const own = sandbox === null ? null : providerOf(sandboxVault(target.variables, sandbox), sandbox.secrets);
  const { vaultSecrets } = own?.type === "vault" ? await import("../../../sandbox/client.ts") : { vaultSecrets: [] };
  // What only the store knows must come from it: a dummy in its place would hide that it is sealed.
  const isStored = (name: string) => vaultSecrets.some((each) => each === name);
  return {
    names: runbook.secrets,
    optional: runbook.optionalSecrets,
    target: target.name,
    providers: own === null ? providers : [...providers, own],
    projectDir,
    env: process.env,
    dummies: Object.fromEntries(Object.entries(sandbox?.secrets ?? {}).filter(([name]) => !isStored(name))),
  };
}

function providerOf(
  vault: ReturnType<typeof sandboxVault>,
  secrets: Readonly<Record<string, string>>,
): AskedProvider | null {
  if (vault.folder !== undefined) return { type: "file", dir: String(vault.folder), targets: null };
  const { address, mount, path } = vault;
  return { type: "vault", address: String(address), mount, path, targets: null, token: secrets["VAULT_TOKEN"] ?? "" };
}
