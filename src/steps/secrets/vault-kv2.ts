/**
 * Names in HashiCorp Vault's KV store, version 2. It asks for the keys only (`subkeys`), so no value is ever sent.
 * https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 */
import { isObject } from "../../util/json.ts";
import { jsonOrNull } from "../command-result.ts";
import { aList, aMap, anObject, aText, aWhole, type Shape, ShapeMismatch } from "../fly/shape.ts";
import { type HttpResponse, StepFailure, type StepHost } from "../step-type.ts";
import { requestUrl } from "../url.ts";
import { askWithin } from "../vendor-answer.ts";
import type { VaultName } from "./vault-folder.ts";

export interface Kv2 {
  readonly address: string;
  readonly mount: string;
  /** One secret, or all below a path that ends with a slash. */
  readonly path: string;
  readonly token: string;
  readonly namespace?: string;
}

/** https://developer.hashicorp.com/vault/api-docs/system/health; 200 and 429 serve reads. */
const health: Readonly<Record<number, string>> = {
  472: "is a disaster recovery secondary and serves nothing",
  473: "is a performance standby without its primary",
  501: "is not initialised: run `vault operator init`",
  503: "is sealed: run `vault operator unseal`",
};

interface Subkeys {
  readonly subkeys: Readonly<Record<string, unknown>>;
  readonly metadata: { readonly version: number; readonly created_time: string };
}

const subkeys = anObject<Subkeys>({
  subkeys: aMap((value) => value),
  metadata: anObject({ version: aWhole, created_time: aText }),
});

/** How many versions back a name is looked for: what a store keeps unless it is told otherwise (`max_versions`). */
const mostVersions = 10;

/** `before`: names that an earlier version has too. */
export async function namesInKv2(
  host: StepHost,
  kv: Kv2,
): Promise<{ readonly names: readonly VaultName[]; readonly before: readonly string[] }> {
  await refuseUnready(host, kv);
  const paths = kv.path.endsWith("/") ? await pathsBelow(host, kv) : [kv.path];
  const found: VaultName[] = [];
  const before: string[] = [];
  for (const path of paths) {
    const { subkeys: keys, metadata } = await read(host, kv, `${kv.mount}/subkeys/${path}`, subkeys);
    const source = `${kv.mount}/${path} v${metadata.version}`;
    for (const name of Object.keys(keys)) found.push({ name, source, changedAt: metadata.created_time });
    before.push(...(await namesBefore(host, kv, path, metadata.version, Object.keys(keys))));
  }
  const names = found.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0) {
    throw new StepFailure("failed", "vault-ambiguous", `The vault has a name at two paths: ${twice.join(", ")}.`, {
      facts: { names: twice },
    });
  }
  return { names: found.sort((a, b) => (a.name < b.name ? -1 : 1)), before };
}

/** Those of `names` that an earlier version of one secret has. A deleted version has none. */
async function namesBefore(
  host: StepHost,
  kv: Kv2,
  path: string,
  newest: number,
  names: readonly string[],
): Promise<string[]> {
  const found = new Set<string>();
  for (let version = newest - 1; version >= Math.max(1, newest - mostVersions); version--) {
    if (names.every((name) => found.has(name))) break;
    const target = `${kv.mount}/subkeys/${path}`;
    const answer = await ask(host, kv, target, { version: String(version) });
    const body = jsonOrNull(answer.body);
    if (answer.status === 404) continue;
    if (answer.status !== 200) throw refusal(kv, target, answer, body);
    for (const name of Object.keys(dataOf(kv, target, answer, subkeys).subkeys))
      if (names.includes(name)) found.add(name);
  }
  return [...found];
}

async function refuseUnready(host: StepHost, kv: Kv2): Promise<void> {
  const { status } = await ask(host, kv, "sys/health");
  if (status === 200 || status === 429) return;
  const why = health[status] ?? `answered ${status} to sys/health`;
  throw new StepFailure("transient", "vault-not-ready", `Vault at ${kv.address} ${why}.`, { facts: { status } });
}

async function pathsBelow(host: StepHost, kv: Kv2): Promise<string[]> {
  // Vault takes this for the verb LIST.
  const { keys } = await read(
    host,
    kv,
    `${kv.mount}/metadata/${kv.path}`,
    anObject<{ keys: string[] }>({ keys: aList(aText) }),
    { list: "true" },
  );
  return keys.filter((key) => !key.endsWith("/")).map((key) => `${kv.path}${key}`);
}

async function read<T>(
  host: StepHost,
  kv: Kv2,
  path: string,
  shape: Shape<T>,
  query: Readonly<Record<string, string>> = {},
): Promise<T> {
  const answer = await ask(host, kv, path, query);
  const body = jsonOrNull(answer.body);
  if (answer.status !== 200) throw refusal(kv, path, answer, body);
  return dataOf(kv, path, answer, shape);
}

function dataOf<T>(kv: Kv2, path: string, { body: text, headers }: HttpResponse, shape: Shape<T>): T {
  const body = jsonOrNull(text);
  try {
    return anObject<{ data: T }>({ data: shape as Shape<T> })(body, "").data;
  } catch (error) {
    if (!(error instanceof ShapeMismatch)) throw error;
    throw new StepFailure(
      "failed",
      "unexpected-answer",
      `Vault answered 200 to ${path} with something else: ${body === null ? `no JSON but ${headers["content-type"] ?? "nothing"}` : error.message}. Is ${kv.address} a Vault, and ${kv.mount} a KV store of version 2?`,
    );
  }
}

function refusal(kv: Kv2, path: string, { status }: HttpResponse, body: unknown): StepFailure {
  const errors =
    isObject(body) && Array.isArray(body["errors"]) ? body["errors"].filter((each) => typeof each === "string") : [];
  const said = errors.join("; ").replace(/\s+/g, " ").trim();
  const what = `Vault answered ${status} to ${path}${said === "" ? "" : `: ${said}`}`;
  const facts = { status, error: said };
  if (status === 403) {
    const next = "the token is wrong, expired, or its policy lacks `read` (and `list`) there";
    return new StepFailure("fatal", "not-authorised", `${what}; ${next}.`, { facts });
  }
  if (status === 404 && isDeleted(body)) {
    const next = `vault kv undelete -mount=${kv.mount} -versions=N ${kv.path}`;
    return new StepFailure("failed", "secret-deleted", `The newest version of ${path} is deleted. See \`${next}\`.`, {
      facts,
    });
  }
  if (status === 404)
    return new StepFailure("failed", "not-found", `There is nothing at ${path} of ${kv.address}.`, { facts });
  const isPassing = status === 429 || status >= 500;
  return new StepFailure(isPassing ? "transient" : "failed", "vault-refused", `${what}.`, { facts });
}

/** A deleted version answers 404 with its metadata and null where the data was. */
function isDeleted(body: unknown): boolean {
  const data = isObject(body) ? body["data"] : null;
  return isObject(data) && isObject(data["metadata"]);
}

async function ask(
  host: StepHost,
  kv: Kv2,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<HttpResponse> {
  const base = requestUrl(kv.address).replace(/\/+$/, "");
  const safe = path.split("/").map(encodeURIComponent).join("/");
  return await askWithin(host, "Vault", {
    method: "GET",
    url: requestUrl(`${base}/v1/${safe}`, query),
    headers: {
      "x-vault-token": kv.token,
      "x-vault-request": "true",
      ...(kv.namespace === undefined ? {} : { "x-vault-namespace": kv.namespace }),
    },
    effects: "read",
  });
}
