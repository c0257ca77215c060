/**
 * HashiCorp Vault, KV version 2 at the mount `kv`, and `sys/health`: paths and forms of the published description
 * (`test/fixtures/contracts/vault-kv2.openapi.trimmed.json`). `kv/shop` holds the secrets of the shop. The verb LIST is
 * taken as `GET …?list=true`, which Vault takes too: Node's HTTP server does not know the verb.
 */
import { randomUUID } from "node:crypto";
import type { Service, ServiceAnswer, ServiceCall } from "./service.ts";

interface Version {
  readonly data: Readonly<Record<string, unknown>>;
  readonly created: string;
  deleted: string;
  destroyed: boolean;
}

type Kept = Record<string, { versions: Version[] }>;

/** Secrets of the shop: the vault's `kv/shop` holds the very values that the sandbox supplies as dummies. */
export const shopSecrets = ["SHOP_SESSION_KEY", "SHOP_WEBHOOK_SECRET"] as const;

/** https://developer.hashicorp.com/vault/api-docs/system/health */
const health: Readonly<Record<string, { readonly status: number; readonly body: object }>> = {
  ok: { status: 200, body: { initialized: true, sealed: false, standby: false } },
  standby: { status: 429, body: { initialized: true, sealed: false, standby: true } },
  "disaster-recovery": { status: 472, body: { initialized: true, sealed: false, standby: true } },
  uninitialized: { status: 501, body: { initialized: false, sealed: true, standby: true } },
  sealed: { status: 503, body: { initialized: true, sealed: true, standby: true } },
};

export const vault: Service = {
  secrets: ["VAULT_TOKEN", ...shopSecrets],
  states: ["ok", "deleted", "forbidden", "standby", "disaster-recovery", "uninitialized", "sealed"],
  data: null,
  answer(call) {
    const { path, method, state, headers, secrets } = call;
    if (path === "/v1/sys/health") return health[state] ?? health["ok"]!;
    if (state === "sealed" || state === "uninitialized") return refused(503, "Vault is sealed");
    if (headers["x-vault-token"] !== secrets["VAULT_TOKEN"]) return refused(403, "permission denied");
    if (state === "forbidden") return refused(403, "1 error occurred:\n\t* permission denied\n\n");
    const [, kind = "", name = ""] = /^\/v1\/kv\/(data|metadata|subkeys)\/(.*)$/.exec(path) ?? [];
    if (kind === "") return refused(404, "no handler for route");
    const kept = (structuredClone(call.data) ?? firstData(call)) as Kept;
    const answer = kind === "metadata" ? metadata(call, kept, name) : data(call, kept, name, kind);
    if (method === "POST" || method === "DELETE" || call.data === null) call.data = kept;
    return answer;
  },
};

function firstData({ secrets }: ServiceCall): Kept {
  const data = Object.fromEntries(shopSecrets.map((name) => [name, secrets[name] ?? ""]));
  return { shop: { versions: [{ data, created: new Date().toISOString(), deleted: "", destroyed: false }] } };
}

function data(call: ServiceCall, kept: Kept, name: string, kind: string): ServiceAnswer {
  const versions = kept[name]?.versions ?? [];
  if (call.method === "POST") return write(call, kept, name, versions);
  const newest = versions.at(-1);
  if (call.method === "DELETE") {
    if (newest !== undefined) newest.deleted = new Date().toISOString();
    return { status: 204, body: "" };
  }
  const asked = Number(call.query.get("version") ?? 0) || versions.length;
  const version = versions[asked - 1];
  if (version === undefined) return refused(404);
  const isGone = version.deleted !== "" || version.destroyed || call.state === "deleted";
  const facts = {
    created_time: version.created,
    custom_metadata: {},
    deletion_time: isGone ? version.deleted || version.created : "",
    destroyed: version.destroyed,
    version: asked,
  };
  const names = Object.fromEntries(Object.keys(version.data).map((key) => [key, null]));
  const shown = kind === "subkeys" ? { subkeys: isGone ? null : names } : { data: isGone ? null : version.data };
  return { status: isGone ? 404 : 200, body: wrapped({ ...shown, metadata: facts }) };
}

/** `cas` must be the number of the newest version; 0 = there must be none. */
function write(call: ServiceCall, kept: Kept, name: string, versions: Version[]): ServiceAnswer {
  let body: { readonly data?: Record<string, unknown>; readonly options?: { readonly cas?: number } };
  try {
    body = JSON.parse(call.body) as typeof body;
  } catch {
    return refused(400, "failed to parse JSON input");
  }
  if (body.data === undefined) return refused(400, "no data provided");
  const cas = body.options?.cas;
  if (cas !== undefined && cas !== versions.length)
    return refused(400, "check-and-set parameter did not match the current version");
  const created = new Date().toISOString();
  kept[name] = { versions: [...versions, { data: body.data, created, deleted: "", destroyed: false }] };
  const facts = { created_time: created, custom_metadata: {}, deletion_time: "", destroyed: false };
  return { status: 200, body: wrapped({ ...facts, version: versions.length + 1 }) };
}

function metadata({ query, method }: ServiceCall, kept: Kept, name: string): ServiceAnswer {
  if (method !== "GET") return refused(405, "unsupported operation");
  if (query.get("list") === "true") {
    const prefix = name === "" || name.endsWith("/") ? name : `${name}/`;
    const below = Object.keys(kept).filter((path) => path.startsWith(prefix));
    const keys = below.map((path) => path.slice(prefix.length)).map((path) => path.replace(/\/.*$/, "/"));
    return keys.length === 0 ? refused(404) : { status: 200, body: wrapped({ keys: [...new Set(keys)].sort() }) };
  }
  const versions = kept[name]?.versions;
  if (versions === undefined) return refused(404);
  const facts = versions.map(({ created, deleted, destroyed }, index) => [
    String(index + 1),
    { created_time: created, deletion_time: deleted, destroyed },
  ]);
  return {
    status: 200,
    body: wrapped({
      cas_required: false,
      created_time: versions[0]?.created,
      current_version: versions.length,
      custom_metadata: {},
      delete_version_after: "0s",
      max_versions: 0,
      oldest_version: 1,
      updated_time: versions.at(-1)?.created,
      versions: Object.fromEntries(facts),
    }),
  };
}

function wrapped(data: object) {
  const nothing = { lease_id: "", renewable: false, lease_duration: 0, wrap_info: null, warnings: null, auth: null };
  return { request_id: randomUUID(), ...nothing, data };
}

function refused(status: number, ...errors: readonly string[]): ServiceAnswer {
  return { status, body: { errors } };
}
