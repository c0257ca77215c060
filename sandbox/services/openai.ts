import type { Service } from "./service.ts";

const refused = (status: number, code: string, message: string) => ({
  status,
  body: { error: { message, type: "invalid_request_error", param: null, code } },
});

/**
 * OpenAI's `GET /v1/models`, the cheapest question that needs a key. The refusal shows the beginning and the end of the key
 * it was given, as the vendor's does. https://platform.openai.com/docs/api-reference/models/list
 */
export const openai: Service = {
  secrets: ["OPENAI_API_KEY"],
  states: ["ok", "revoked", "quota-used-up", "rate-limited"],
  answer({ method, path, headers, state, secrets }) {
    if (method !== "GET" || path !== "/v1/models")
      return refused(404, "unknown_url", `Unknown request URL: ${method} ${path}.`);
    const key = (headers.authorization ?? "").replace(/^Bearer /, "");
    if (state === "revoked" || key !== secrets["OPENAI_API_KEY"]) {
      const shown = `${key.slice(0, 8)}${"*".repeat(20)}${key.slice(-4)}`;
      return refused(401, "invalid_api_key", `Incorrect API key provided: ${shown}.`);
    }
    if (state === "quota-used-up") return refused(429, "insufficient_quota", "You exceeded your current quota.");
    if (state === "rate-limited") return refused(429, "rate_limit_exceeded", "Rate limit reached for requests.");
    return {
      status: 200,
      body: { object: "list", data: [{ id: "gpt-4o", object: "model", created: 1715367049, owned_by: "system" }] },
    };
  },
};
