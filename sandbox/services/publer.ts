import type { Service, ServiceAnswer } from "./service.ts";

const workspace = "61a7c2e4f9e8c3b2d1e0f9a8";
const account = { provider: "facebook", social_id: "104022", type: "page", picture: "https://cdn.example/shop.png" };
const accounts: Readonly<Record<string, readonly object[]>> = {
  "no-accounts": [],
  reconnect: [{ ...account, id: "63c675b54e299e9cf2b667ea", name: "Shop", reconnect: true }],
};
const healthy = [
  { ...account, id: "63c675b54e299e9cf2b667ea", name: "Shop" },
  { ...account, id: "63c675b54e299e9cf2b667eb", name: "Shop outlet", provider: "instagram", type: "business" },
];

/**
 * Publer's API v1 (publer.com/docs/api-reference): `Authorization: Bearer-API KEY`, which is not `Bearer`;
 * `Publer-Workspace-Id` where a workspace is meant; 401 and 403 carry `{"errors": […]}`. The published account has no field
 * that says "reconnect": the state of that name adds one, as such fields are found by name.
 */
export const publer: Service = {
  secrets: ["PUBLER_API_KEY"],
  states: ["ok", "no-scope", "no-accounts", "reconnect"],
  answer({ method, path, headers, state, secrets }): ServiceAnswer {
    if (headers.authorization !== `Bearer-API ${secrets["PUBLER_API_KEY"]}`)
      return { status: 401, body: { errors: ["Invalid or missing API key"] } };
    if (state === "no-scope") return { status: 403, body: { errors: ["Permission denied or missing required scope"] } };
    switch (method === "GET" ? path : "") {
      case "/users/me":
        return {
          status: 200,
          body: { id: "5b1ec026db27977424e8599e", email: "operator@shop.example", name: "Shop", first_name: "Shop" },
        };
      case "/workspaces":
        return { status: 200, body: [{ id: workspace, name: "Shop", plan: "business", members: [{}] }] };
      case "/accounts":
        return headers["publer-workspace-id"] === workspace
          ? { status: 200, body: accounts[state] ?? healthy }
          : { status: 403, body: { errors: ["Workspace not found or not accessible"] } };
      default:
        return { status: 404, body: { errors: ["Not found"] } };
    }
  },
};
