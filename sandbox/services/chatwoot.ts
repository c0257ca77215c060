import type { Service } from "./service.ts";

const HEALTHY = { queue_services: "ok", data_services: "ok" };
const failing: Readonly<Record<string, Partial<typeof HEALTHY>>> = {
  "queue-failing": { queue_services: "failing" },
  "data-failing": { data_services: "failing" },
};

/**
 * Chatwoot: `GET /api` answers 200 even when Redis or PostgreSQL fails, as its `api_controller.rb` does; `GET /health` says
 * only that the process answers, in words that differ between versions; the profile needs the access token of an agent (developers.chatwoot.com, "Fetch user profile").
 */
export const chatwoot: Service = {
  secrets: ["CHATWOOT_API_TOKEN"],
  states: ["ok", "queue-failing", "data-failing"],
  answer({ method, path, headers, state, secrets }) {
    if (method !== "GET") return { status: 404, body: "" };
    switch (path) {
      case "/api":
        return {
          status: 200,
          body: { version: "4.6.0", timestamp: new Date().toISOString(), ...HEALTHY, ...failing[state] },
        };
      case "/health":
        return { status: 200, body: { status: "woot" } };
      case "/api/v1/profile":
        if (headers["api_access_token"] !== secrets["CHATWOOT_API_TOKEN"])
          return { status: 401, body: { error: "Invalid Access Token" } };
        return { status: 200, body: { id: 1, email: "operator@shop.example", role: "agent", accounts: [{ id: 1 }] } };
      default:
        return { status: 404, body: "" };
    }
  },
};
