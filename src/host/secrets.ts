/** Secrets by name from the providers of the config, asked in order. Values leave this module only to the masker and to children. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import type { SecretProvider } from "../language/config.ts";
import { isSecretFile, secretsInFile, shortName } from "../util/secret-file.ts";
import { fromKv2 } from "./secrets-kv2.ts";

/** `token`: of a vault that has its own; others take VAULT_TOKEN. */
export type AskedProvider = SecretProvider & { readonly token?: string };

export interface SecretSources {
  readonly names: readonly string[];
  /** Those of `names` that no provider needs to know. */
  readonly optional: readonly string[];
  readonly target: string;
  readonly providers: readonly AskedProvider[];
  readonly projectDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Dummies of the sandbox: asked after every provider. */
  readonly dummies: Readonly<Record<string, string>>;
}

export interface FoundSecret {
  readonly name: string;
  readonly value: string;
  /** `env`, `file vault/occ`, `sandbox`. */
  readonly provider: string;
}

export interface SecretLookup {
  readonly found: readonly FoundSecret[];
  readonly missing: readonly string[];
  /** Optional ones that no provider knows. */
  readonly absent: readonly string[];
  /** Providers that could not be asked, in words. */
  readonly problems: readonly string[];
}

/** Asks every provider, `command` and `vault` included. */
export async function resolveSecrets(sources: SecretSources): Promise<SecretLookup> {
  return await lookUp(sources, async (provider, name) => {
    switch (provider.type) {
      case "env":
        return sources.env[`${provider.prefix}${name}`];
      case "file":
        return fromFolder(resolve(sources.projectDir, provider.dir))[name];
      case "command":
        return await fromCommand(provider, name, sources);
      case "vault":
        return await fromKv2({ ...provider, token: provider.token ?? sources.env["VAULT_TOKEN"] }, name, sources.env);
    }
  });
}

/** What a plan may say: environment and files by presence; `command` and `vault` are not asked. */
export async function peekSecrets(
  sources: SecretSources,
): Promise<{ name: string; status: "found" | "missing" | "not-checked"; provider: string | null }[]> {
  const quiet = await lookUp(sources, async (provider, name) => {
    if (provider.type === "env") return sources.env[`${provider.prefix}${name}`];
    if (provider.type === "file") return fromFolder(resolve(sources.projectDir, provider.dir))[name];
    return undefined;
  });
  const others = sources.providers.some(
    (provider) => (provider.type === "command" || provider.type === "vault") && applies(provider, sources.target),
  );
  return sources.names.map((name) => {
    const found = quiet.found.find((secret) => secret.name === name);
    if (found !== undefined) return { name, status: "found", provider: found.provider };
    return { name, status: others ? "not-checked" : "missing", provider: null };
  });
}

async function lookUp(
  sources: SecretSources,
  ask: (provider: AskedProvider, name: string) => Promise<string | undefined>,
): Promise<SecretLookup> {
  const found: FoundSecret[] = [];
  const missing: string[] = [];
  const absent: string[] = [];
  const problems: string[] = [];
  for (const name of sources.names) {
    let value: string | undefined;
    let by = "";
    let isUnknown = false;
    for (const provider of sources.providers.filter((item) => applies(item, sources.target))) {
      try {
        value = await ask(provider, name);
      } catch (error) {
        isUnknown = true;
        problems.push(`${describe(provider)}: ${error instanceof Error ? error.message : String(error)}`);
      }
      by = describe(provider);
      if (value !== undefined && value !== "") break;
    }
    if ((value === undefined || value === "") && sources.dummies[name] !== undefined) {
      value = sources.dummies[name];
      by = "sandbox";
    }
    if (value !== undefined && value !== "") found.push({ name, value, provider: by });
    // A provider that could not be asked may know it.
    else if (sources.optional.includes(name) && !isUnknown) absent.push(name);
    else missing.push(name);
  }
  return { found, missing, absent, problems: [...new Set(problems)] };
}

/** What expressions see: values by name, null for an optional one that nobody knows. */
export function valuesOf(
  found: readonly { readonly name: string; readonly value: string }[],
  absent: readonly string[],
): Record<string, string | null> {
  return Object.fromEntries([
    ...absent.map((name) => [name, null] as const),
    ...found.map(({ name, value }) => [name, value] as const),
  ]);
}

function applies(provider: SecretProvider, target: string): boolean {
  return provider.targets === null || provider.targets.includes(target);
}

function describe(provider: SecretProvider): string {
  switch (provider.type) {
    case "env":
      return `env ${provider.prefix}*`;
    case "file":
      return `file ${provider.dir}`;
    case "vault":
      return `vault ${provider.mount}/${provider.path}`;
    case "command":
      return `command ${provider.command[0]}`;
  }
}

/**
 * A folder of `<name>.env` (KEY=VALUE), `<system>/<name>.txt` (`shopify/api-key.txt` → SHOPIFY_API_KEY) and `.json`
 * (an object of texts). Refused when others may read a file: a secret that anyone can read is none.
 */
function fromFolder(directory: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const file of filesBelow(directory)) {
    if (!isSecretFile(file)) continue;
    if ((statSync(file).mode & 0o077) !== 0) throw new Error(`${file} may be read by others; run: chmod 600 ${file}`);
    const path = file.slice(directory.length + 1);
    const found = secretsInFile(path, readFileSync(file, "utf8"));
    Object.assign(values, found);
    if (extname(path) === ".txt") values[shortName(path)] ??= Object.values(found)[0]!;
  }
  return values;
}

function* filesBelow(directory: string): Generator<string> {
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for (const name of entries.sort()) {
    const file = join(directory, name);
    if (statSync(file).isDirectory()) yield* filesBelow(file);
    else yield file;
  }
}

/** The command gets the name as its last word and prints the value. Exit 0 with empty output = it does not know it. */
async function fromCommand(
  provider: Extract<SecretProvider, { type: "command" }>,
  name: string,
  sources: SecretSources,
): Promise<string | undefined> {
  const { execa } = await import("execa");
  const [program, ...words] = provider.command;
  const ended = await execa(program ?? "", [...words, name], {
    cwd: sources.projectDir,
    stdin: "ignore",
    timeout: provider.timeoutMs,
    forceKillAfterDelay: 1_000,
    maxBuffer: 1024 * 1024,
    reject: false,
    env: { RUNBOOK_TARGET: sources.target },
  });
  if (ended.timedOut) throw new Error(`did not answer within ${provider.timeoutMs} ms`);
  if (ended.failed) throw new Error(`ended with ${ended.exitCode ?? ended.signal ?? ended.code} for ${name}`);
  return ended.stdout;
}
