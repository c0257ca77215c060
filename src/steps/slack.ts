/**
 * Posts a message through a Slack incoming webhook. The answer is plain text: `ok`, or the name of the error. A post is
 * sent again only when nothing was posted for certain: after a 429, or when no connection came about.
 */
import type { Json } from "../util/json.ts";
import { closed, listOf, result, text, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";
import { requestUrl } from "./url.ts";
import { askWithin, notFrom, retryAfterMsOf } from "./vendor-answer.ts";

interface SlackSpec {
  readonly webhook: string;
  readonly text?: string;
  readonly blocks?: readonly Json[];
  readonly thread?: string;
}

/** Slack cuts longer texts. https://docs.slack.dev/changelog/2018-04-truncating-really-long-messages */
const longestText = 40_000;

export const slack = defineStepType<SlackSpec, { readonly status: number; readonly body: string }>({
  type: "slack",
  summary: "Posts a message to Slack through an incoming webhook.",
  docs: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
  effects: "write",
  timeoutMs: 15_000,
  input: closed(
    {
      webhook: text("Address of the incoming webhook; it is a secret: `${{ secrets.SLACK_WEBHOOK }}`.", {
        minLength: 1,
      }),
      text: text("The message, in Slack's mrkdwn. Under `notify` it defaults to a summary of the run."),
      blocks: listOf({ type: "object" }, "Block Kit blocks; `text` is then what a notification shows.", {
        maxItems: 50,
      }),
      thread: text(
        "Timestamp of a Slack message (`1712345678.000100`) to answer in its thread; any other text, such as an incident number, is put before the message.",
      ),
    },
    ["webhook"],
  ),
  examples: [
    { webhook: "${{ secrets.SLACK_WEBHOOK }}" },
    {
      webhook: "${{ secrets.SLACK_WEBHOOK }}",
      text: "Deployed ${{ inputs.image }}",
      thread: "${{ inputs.incident }}",
      blocks: [{ type: "divider" }],
    },
  ],
  result: result({ status: whole("Status code of Slack's answer."), body: text("Its body, `ok`.") }),
  secretFields: ["webhook"],
  action: (spec) => ({ text: `post to Slack: ${(spec.text ?? "a summary of the run").split("\n")[0]}`, argv: null }),
  async run(spec, host) {
    const message = spec.text?.trim() ?? "";
    if (message === "" && spec.blocks === undefined) {
      throw new StepFailure(
        "fatal",
        "message-missing",
        "The Slack message is empty: give the step `text` or `blocks`.",
      );
    }
    const request = {
      method: "POST",
      url: webhookUrl(spec.webhook),
      headers: { "content-type": "application/json" },
      body: JSON.stringify(payload(spec, message)),
    };
    const answer = await askWithin(host, "Slack", request).catch((error: unknown) => {
      throw error instanceof StepFailure && mayHaveArrived(error) ? unsure(error.message, error.facts) : error;
    });
    if (answer.status === 200 && answer.body.trim() === "ok") return { status: answer.status, body: answer.body };
    if (answer.status >= 200 && answer.status < 300) throw notFrom("Slack", answer);
    const retryAfter = answer.headers["retry-after"] ?? null;
    const said = answer.body.trim().slice(0, 200);
    const what = `Slack answered ${answer.status}${said === "" ? "" : ` ${said}`}`;
    if (answer.status >= 500) throw unsure(what, { status: answer.status, error: said });
    throw new StepFailure(
      answer.status === 429 ? "transient" : "failed",
      "slack-refused",
      `${what}${retryAfter === null ? "" : `, try again in ${retryAfter} s`}${advice(said)}.`,
      {
        facts: {
          status: answer.status,
          error: said,
          retryAfter,
          retryAfterMs: retryAfterMsOf(retryAfter ?? undefined, host.clock.now()),
        },
      },
    );
  },
});

/** Errors before a byte of the request could be sent. */
const neverSent = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function mayHaveArrived({ class: failureClass, facts }: StepFailure): boolean {
  return failureClass === "timeout" || (failureClass === "transient" && !neverSent.has(String(facts["code"])));
}

/** Nobody knows whether it was posted: never repeated by a retry. */
function unsure(what: string, facts: StepFailure["facts"]): StepFailure {
  const message = `${what}: it may have been posted, and is not sent again. Look into the channel.`;
  return new StepFailure("fatal", "slack-unsure", message, { facts });
}

function payload(spec: SlackSpec, message: string): Json {
  const thread = spec.thread?.trim() ?? "";
  const inThread = /^[0-9]{6,}\.[0-9]{1,6}$/.test(thread);
  const full = thread !== "" && !inThread ? `[${thread}] ${message}` : message;
  return {
    ...(full === "" ? {} : { text: full.slice(0, longestText) }),
    ...(spec.blocks === undefined ? {} : { blocks: spec.blocks }),
    ...(inThread ? { thread_ts: thread } : {}),
  };
}

/**
 * The webhook, checked. It is a secret: a wrong one must not be quoted, and a right one is sent letter by letter as it
 * was stored, because a URL written in another way would not be recognised where secrets are masked.
 */
function webhookUrl(webhook: string): string {
  try {
    requestUrl(webhook);
    return webhook;
  } catch {
    throw new StepFailure(
      "fatal",
      "url-invalid",
      "The Slack webhook is not an https URL. Check the secret it comes from.",
    );
  }
}

function advice(error: string): string {
  if (error === "no_service" || error === "channel_not_found" || error === "channel_is_archived") {
    return ": the webhook no longer leads to a channel, make a new one and store it as the secret";
  }
  return "";
}
