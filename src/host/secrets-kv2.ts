/**
 * One value of HashiCorp Vault's KV store, version 2. `NAME_PREVIOUS` is the value that NAME had before, from an earlier
 * version, unless the store holds that very name.
 * https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
 */
import { isObject } from "../util/json.ts";
import { exchange } from "./http.ts";

interface Kv2 {
  readonly address: string;
  readonly mount: string;
  readonly path: string;
  readonly token: string | undefined;
}

interface Version {
  /** Null = deleted or destroyed. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** 0 = the store did not say. */
  readonly version: number;
}

/** How far back an earlier value is looked for: what a store keeps unless it is told otherwise (`max_versions`). */
const mostVersions = 10;
const previous = "_PREVIOUS";

/** Undefined = the store does not know it. Throws an `Error` without a value in it when the store cannot be asked. */
export async function fromKv2(
  kv: Kv2,
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (!kv.token) throw new Error("VAULT_TOKEN is not set");
  const read = (version: number | null) => readVersion({ ...kv, token: kv.token ?? "" }, version, env);
  const newest = await read(null);
  const own = textIn(newest, name);
  if (own !== undefined || !name.endsWith(previous) || newest === null) return own;
  const base = name.slice(0, -previous.length);
  const now = textIn(newest, base);
  if (now === undefined) return undefined;
  for (let version = newest.version - 1; version >= Math.max(1, newest.version - mostVersions); version--) {
    const before = textIn(await read(version), base);
    if (before !== undefined && before !== now) return before;
  }
  return undefined;
}

function textIn(version: Version | null, name: string): string | undefined {
  const value = version?.data?.[name];
  return typeof value === "string" ? value : undefined;
}

/** Null = there is none of that number. */
async function readVersion(
  { address, mount, path, token }: Kv2 & { readonly token: string },
  version: number | null,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Version | null> {
  const url = `${address.replace(/\/$/, "")}/v1/${mount}/data/${path}${version === null ? "" : `?version=${version}`}`;
  const namespace = env["VAULT_NAMESPACE"];
  const answer = await exchange(
    {
      method: "GET",
      url,
      headers: { "X-Vault-Token": token, ...(namespace ? { "X-Vault-Namespace": namespace } : {}) },
    },
    10_000,
    new AbortController().signal,
  );
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
  const outer = dataOf(answer.body, url);
  const metadata = isObject(outer["metadata"]) ? outer["metadata"] : {};
  const number = metadata["version"];
  const data = outer["data"];
  return { data: isObject(data) ? data : null, version: typeof number === "number" ? number : 0 };
}

/** `data` of the answer. What a proxy or another service sends with 200 is no answer of a vault. */
function dataOf(body: string, url: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // The parser's message would quote the text.
  }
  const data = isObject(parsed) ? parsed["data"] : undefined;
  if (isObject(data)) return data;
  throw new Error(`${url} answered 200 with something that is not the JSON of a KV store of version 2`);
}
