/** Opens, acknowledges or resolves an alert of PagerDuty through its Events API v2, all three under one key per run. */
import type { Json, JsonObject } from "../util/json.ts";
import { anything, choice, closed, result, text } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";
import { requestUrl } from "./url.ts";
import { askWithin, notFrom, objectOf, refusedBy } from "./vendor-answer.ts";

interface PagerDutySpec {
  readonly url?: string;
  readonly routingKey: string;
  readonly event?: "trigger" | "acknowledge" | "resolve";
  readonly text?: string;
  readonly severity?: string;
  readonly source?: string;
  readonly component?: string;
  readonly group?: string;
  readonly class?: string;
  readonly link?: string;
  readonly details?: JsonObject;
  readonly dedupKey?: string;
}

interface PagerDutyResult {
  readonly status: string;
  readonly message: string;
  readonly dedupKey: string;
}

const defaultUrl = "https://events.pagerduty.com/v2/enqueue";
/** Limits of the API: https://developer.pagerduty.com/docs/send-alert-event */
const longestSummaryChars = 1024;
const longestDedupKeyChars = 255;
const largestEventBytes = 512 * 1024;

export const pagerduty = defineStepType<PagerDutySpec, PagerDutyResult>({
  type: "pagerduty",
  summary: "Triggers, acknowledges or resolves a PagerDuty alert; the three belong together by the run's own key.",
  docs: "https://developer.pagerduty.com/docs/send-alert-event",
  effects: "write",
  timeoutMs: 15_000,
  input: closed(
    {
      url: text(
        `Address of the Events API, default \`${defaultUrl}\` (in the EU service region \`events.eu.pagerduty.com\`).`,
      ),
      routingKey: text("Integration key of the service; it is a secret: `${{ secrets.PAGERDUTY_ROUTING_KEY }}`.", {
        minLength: 1,
      }),
      event: choice("What happens to the alert, default `trigger`.", {
        trigger: "Somebody is called.",
        acknowledge: "Somebody works on it: nobody else is called.",
        resolve: "It is over.",
      }),
      text: text(
        "One line for whoever is called; cut at 1024 characters. Under `notify` it defaults to a summary of the run.",
      ),
      severity: choice("How bad it is, default `error`.", {
        critical: "The service is down.",
        error: "Something is broken (default).",
        warning: "Something may break.",
        info: "Worth knowing.",
      }),
      source: text("What is affected, default the target's name."),
      component: text("Part of it that is responsible."),
      group: text("Logical group of components, such as `prod-web`."),
      class: text("Kind of event."),
      link: text("Address for whoever is called, such as the runbook's document."),
      details: anything("Further facts, as a map."),
      dedupKey: text("Key of the alert, default the run's id: then every event of a run is one alert."),
    },
    ["routingKey"],
  ),
  examples: [
    {
      routingKey: "${{ secrets.PAGERDUTY_ROUTING_KEY }}",
      severity: "critical",
      text: "${{ target.app }} does not answer",
      source: "${{ target.name }}",
      component: "web",
      group: "shop",
      class: "availability",
      link: "https://shop.example/handbook",
      details: { status: "${{ steps.look.status }}" },
    },
    {
      url: "https://events.eu.pagerduty.com/v2/enqueue",
      routingKey: "${{ secrets.PAGERDUTY_ROUTING_KEY }}",
      event: "resolve",
      dedupKey: "${{ run.id }}",
    },
  ],
  result: result({
    status: text("`success`."),
    message: text("What PagerDuty said."),
    dedupKey: text("Key of the alert, to acknowledge or resolve it by."),
  }),
  secretFields: ["routingKey"],
  action: (spec) => ({
    text: `${spec.event ?? "trigger"} a PagerDuty alert${spec.event === undefined || spec.event === "trigger" ? `: ${summaryOf(spec) || "a summary of the run"}` : ""}`,
    argv: null,
  }),
  async run(spec, host) {
    const dedupKey = spec.dedupKey ?? host.run.id;
    const body = JSON.stringify(eventOf(spec, host, dedupKey));
    const bytes = new TextEncoder().encode(body).length;
    if (bytes > largestEventBytes) {
      throw new StepFailure(
        "fatal",
        "event-too-large",
        `The event has ${bytes} bytes; PagerDuty takes ${largestEventBytes}. Put less into \`details\`.`,
        { facts: { bytes } },
      );
    }
    const answer = await askWithin(host, "PagerDuty", {
      method: "POST",
      url: requestUrl(spec.url ?? defaultUrl),
      headers: { "content-type": "application/json" },
      body,
    });
    const said = objectOf(answer);
    if (answer.status === 202 && said?.["status"] === "success") {
      return {
        status: "success",
        message: String(said["message"] ?? ""),
        dedupKey: String(said["dedup_key"] ?? dedupKey),
      };
    }
    if (answer.status >= 200 && answer.status < 300) throw notFrom("PagerDuty", answer);
    throw refusedBy("PagerDuty", answer, host.clock.now(), "pagerduty-refused");
  },
});

function eventOf(spec: PagerDutySpec, host: StepHost, dedupKey: string): Json {
  if (dedupKey === "" || dedupKey.length > longestDedupKeyChars) {
    throw new StepFailure(
      "fatal",
      "dedup-key-invalid",
      `dedupKey has ${dedupKey.length} characters; PagerDuty takes 1 to ${longestDedupKeyChars}.`,
    );
  }
  const action = spec.event ?? "trigger";
  const common = { routing_key: spec.routingKey, event_action: action, dedup_key: dedupKey };
  if (action !== "trigger") return common;
  const summary = summaryOf(spec);
  if (summary === "") {
    throw new StepFailure("fatal", "text-missing", "The PagerDuty alert says nothing: give the step `text`.");
  }
  const optional = { component: spec.component, group: spec.group, class: spec.class };
  return {
    ...common,
    client: "runbook",
    payload: {
      summary: summary.length <= longestSummaryChars ? summary : `${summary.slice(0, longestSummaryChars - 1)}…`,
      source: spec.source ?? String(host.target["name"] ?? "runbook"),
      severity: spec.severity ?? "error",
      timestamp: host.clock.now().toISOString(),
      ...Object.fromEntries(
        Object.entries(optional).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
      ),
      custom_details: { run: host.run.id, actor: host.run.actor, ...spec.details },
    },
    ...(spec.link === undefined ? {} : { links: [{ href: spec.link, text: "runbook" }] }),
  };
}

/** One line: a page has no room for more. */
function summaryOf({ text: given }: PagerDutySpec): string {
  return (given ?? "").trim().replaceAll(/\s*\n\s*/g, " · ");
}
