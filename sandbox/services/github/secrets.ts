/** Secrets of the repository and of its environments: taken sealed, never given back. And what secret scanning found. */
import { generateKeyPairSync } from "node:crypto";
import type { ServiceAnswer } from "../service.ts";
import { environmentNames } from "./deployments.ts";
import { repositoryUrl } from "./objects.ts";
import { type GithubCall, type KeptKey, notFound, pageOf, type Route, textIn, unprocessable } from "./state.ts";

export const secretStates = ["alert-open", "alert-bypassed", "scanning-disabled", "key-changed"];

/** libsodium's `crypto_box_SEALBYTES`. */
const sealBytes = 48;

const repositoryScope = "repository";

/** A raw X25519 pair: its keys are the last 32 bytes of the DER forms (RFC 8410). */
function newKey(id: string): KeptKey {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  const raw = (der: Buffer) => der.subarray(-32).toString("base64");
  return {
    id,
    publicKey: raw(publicKey.export({ type: "spki", format: "der" })),
    privateKey: raw(privateKey.export({ type: "pkcs8", format: "der" })),
  };
}

function keyOf({ state }: GithubCall, scope: string): KeptKey {
  state.keys[scope] ??= newKey(String(568250167242549740n + BigInt(Object.keys(state.keys).length)));
  return state.keys[scope];
}

function listed(asked: GithubCall, scope: string): ServiceAnswer {
  const rows = Object.entries(asked.state.secrets[scope] ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, kept]) => ({ name, created_at: kept.createdAt, updated_at: kept.updatedAt }));
  return { status: 200, body: { total_count: rows.length, secrets: pageOf(asked, rows) } };
}

function put(asked: GithubCall, scope: string, name: string): ServiceAnswer {
  if (!/^[A-Z_][A-Z0-9_]*$/i.test(name) || /^GITHUB_/i.test(name))
    return unprocessable("Secret names can only contain alphanumeric characters, may not start with GITHUB_");
  const sealed = textIn(asked.body, "encrypted_value");
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < sealBytes || bytes.toString("base64") !== sealed)
    return unprocessable("Value for your secret is not a sealed box in base64");
  if (asked.call.state === "key-changed" || textIn(asked.body, "key_id") !== keyOf(asked, scope).id)
    return unprocessable("The key_id does not belong to the public key of this scope");
  const kept = asked.state.secrets[scope] ?? {};
  asked.state.secrets[scope] = kept;
  const key = name.toUpperCase();
  const before = kept[key];
  kept[key] = { sealed, createdAt: before?.createdAt ?? asked.now, updatedAt: asked.now };
  // A 201 carries a body: `gh` fails on an empty one.
  return before === undefined ? { status: 201, body: {} } : { status: 204, body: "" };
}

function remove(asked: GithubCall, scope: string, name: string): ServiceAnswer {
  if (asked.state.secrets[scope]?.[name] === undefined) return notFound;
  delete asked.state.secrets[scope]?.[name];
  return { status: 204, body: "" };
}

/** The same routes twice: for the repository, and for each environment, which has its own key. */
function routesBelow(pattern: string, scopeOf: (parts: readonly string[]) => string | null): Route[] {
  const within =
    (handle: (asked: GithubCall, scope: string, name: string) => ServiceAnswer) =>
    (asked: GithubCall): ServiceAnswer => {
      const scope = scopeOf(asked.parts);
      return scope === null ? notFound : handle(asked, scope, asked.parts.at(-1) ?? "");
    };
  return [
    [
      "GET",
      new RegExp(`^${pattern}/public-key$`),
      within((asked, scope) => {
        const { id, publicKey } = keyOf(asked, scope);
        return { status: 200, body: { key_id: id, key: publicKey } };
      }),
    ],
    ["GET", new RegExp(`^${pattern}$`), within(listed)],
    ["PUT", new RegExp(`^${pattern}/([^/]+)$`), within(put)],
    ["DELETE", new RegExp(`^${pattern}/([^/]+)$`), within(remove)],
  ];
}

function alert(asked: GithubCall) {
  const url = `${repositoryUrl(asked)}/secret-scanning/alerts/2`;
  const isBypassed = asked.call.state === "alert-bypassed";
  return {
    number: 2,
    created_at: "2026-11-19T18:48:51Z",
    url,
    html_url: `${asked.base}/${asked.repository}/security/secret-scanning/2`,
    locations_url: `${url}/locations`,
    state: "open",
    resolution: null,
    resolved_at: null,
    resolved_by: null,
    secret_type: "slack_incoming_webhook_url",
    secret_type_display_name: "Slack Incoming Webhook URL",
    push_protection_bypassed: isBypassed,
    push_protection_bypassed_at: isBypassed ? "2026-11-19T18:48:50Z" : null,
    validity: "active",
    publicly_leaked: false,
    // `hide_secret=true` leaves the value out; a client that forgets it is given one.
    ...(asked.call.query.get("hide_secret") === "true" ? {} : { secret: "SANDBOX-VALUE-OF-AN-ALERT" }),
  };
}

export const secretRoutes: readonly Route[] = [
  ...routesBelow("/actions/secrets", () => repositoryScope),
  ...routesBelow("/environments/([^/]+)/secrets", ([name = ""]) =>
    environmentNames.some((each) => each === name) ? name : null,
  ),
  [
    "GET",
    /^\/secret-scanning\/alerts$/,
    (asked) => {
      const { state, query } = asked.call;
      if (state === "scanning-disabled")
        return { status: 404, body: { message: "Secret scanning is disabled on this repository." } };
      const has = state === "alert-open" || state === "alert-bypassed";
      return {
        status: 200,
        body: has && (query.get("state") ?? "open") === "open" ? pageOf(asked, [alert(asked)]) : [],
      };
    },
  ],
];
