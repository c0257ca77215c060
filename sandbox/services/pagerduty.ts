import type { Service } from "./service.ts";

const actions = ["trigger", "acknowledge", "resolve"];
const severities = ["critical", "error", "warning", "info"];
const largestEventBytes = 512 * 1024;

/**
 * PagerDuty Events API v2: 202 with the key of the alert, 400 with what is invalid, 429 when there are too many
 * (developer.pagerduty.com, "Send an Alert Event"). Keeps the events it took.
 */
export const pagerduty: Service = {
  secrets: ["PAGERDUTY_ROUTING_KEY"],
  states: ["ok", "throttled"],
  data: [],
  answer(call) {
    if (call.path !== "/v2/enqueue") return { status: 404, body: "" };
    if (call.method !== "POST") return { status: 405, body: "" };
    // Without Retry-After: the documentation promises none.
    if (call.state === "throttled") return { status: 429, body: "" };
    const problems = problemsOf(call.body, call.secrets["PAGERDUTY_ROUTING_KEY"] ?? "");
    if (problems.length > 0)
      return {
        status: 400,
        body: { status: "invalid event", message: "Event object is invalid", errors: problems },
      };
    const { routing_key: _, ...event } = JSON.parse(call.body) as Record<string, unknown>;
    const key = typeof event["dedup_key"] === "string" ? event["dedup_key"] : `srv${(call.data as []).length + 1}`;
    call.data = [...(call.data as object[]), { ...event, dedup_key: key }];
    return { status: 202, body: { status: "success", message: "Event processed", dedup_key: key } };
  },
};

function problemsOf(body: string, routingKey: string): string[] {
  if (Buffer.byteLength(body) > largestEventBytes) return ["Event is larger than 512 KB"];
  let event: Record<string, unknown>;
  try {
    event = Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    return ["Event is not valid JSON"];
  }
  const problems: string[] = [];
  if (event["routing_key"] !== routingKey) problems.push("'routing_key' is invalid");
  const action = String(event["event_action"]);
  if (!actions.includes(action)) problems.push("'event_action' is missing or invalid");
  if (String(event["dedup_key"] ?? "").length > 255)
    problems.push("Length of 'dedup_key' is incorrect (should be ≤ 255)");
  if (action !== "trigger")
    return event["dedup_key"] === undefined ? [...problems, "'dedup_key' is missing"] : problems;
  const payload = Object(event["payload"] ?? {}) as Record<string, unknown>;
  for (const name of ["summary", "source", "severity"])
    if (typeof payload[name] !== "string" || payload[name] === "")
      problems.push(`'payload.${name}' is missing or blank`);
  if (String(payload["summary"]).length > 1024)
    problems.push("Length of 'payload.summary' is incorrect (should be ≤ 1024)");
  if (!severities.includes(String(payload["severity"])))
    problems.push(`'payload.severity' is invalid (must be one of the following: ${severities.join(", ")})`);
  return problems;
}
