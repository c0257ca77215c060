import type { IncomingMessage } from "node:http";

/** A message that came in, as the sender wrote it. */
export interface SlackMessage {
  /** RFC 3339, UTC. */
  readonly receivedAt: string;
  readonly payload: Record<string, unknown>;
}

/** Slack's answer: plain text, as documented for incoming webhooks (docs.slack.dev, "Sending messages using incoming webhooks"). */
export interface SlackAnswer {
  readonly status: number;
  readonly text: "ok" | "invalid_payload" | "no_text";
  readonly payload?: Record<string, unknown>;
}

/** Judges the body of an incoming webhook: JSON, or a form with the JSON in `payload`. */
export function answerSlack(request: IncomingMessage, body: string): SlackAnswer {
  const isForm = (request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
  let payload: unknown;
  try {
    payload = JSON.parse(isForm ? (new URLSearchParams(body).get("payload") ?? "") : body);
  } catch {
    return { status: 400, text: "invalid_payload" };
  }
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    return { status: 400, text: "invalid_payload" };
  }
  const message = payload as Record<string, unknown>;
  const hasText = [message["text"], message["blocks"], message["attachments"]].some(
    (part) => (typeof part === "string" || Array.isArray(part)) && part.length > 0,
  );
  return hasText ? { status: 200, text: "ok", payload: message } : { status: 400, text: "no_text" };
}
