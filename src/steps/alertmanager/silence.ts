/**
 * Silences alerts for the length of a change, and ends the silence afterwards. A silence carries the id of its run in
 * its comment, so that a repeated or resumed step finds the one it made, and ending it needs no recorded id.
 */

import { jsonOrNull } from "../command-result.ts";
import { durationField, durationMs } from "../duration.ts";
import { requestHeaders } from "../headers.ts";
import { closed, listOf, result, text, truth, whole } from "../schema.ts";
import { defineStepType, type HttpResponse, StepFailure, type StepHost } from "../step-type.ts";
import { requestUrl } from "../url.ts";
import { askWithin, notFrom, objectOf, refusedBy } from "../vendor-answer.ts";
import { type Matcher, matcherOf, matcherText, sameMatchers } from "./matchers.ts";

interface SilenceSpec {
  readonly url: string;
  readonly matchers?: readonly string[];
  readonly duration?: string;
  readonly comment?: string;
  readonly expire?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
}

interface SilenceResult {
  readonly id: string;
  readonly state: string;
  readonly endsAt: string;
  readonly found: boolean;
  readonly expired: number;
}

/** As the API has it, the fields this reads. */
interface Silence {
  readonly id: string;
  readonly comment: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly matchers: readonly Matcher[];
  readonly state: string;
}

export const alertmanagerSilence = defineStepType<SilenceSpec, SilenceResult>({
  type: "alertmanager/silence",
  summary: "Silences alerts of Alertmanager until a fixed end, or with `expire` ends every silence this run made.",
  docs: "https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml",
  effects: "write",
  timeoutMs: 30_000,
  input: closed(
    {
      url: text("Base URL of Alertmanager, without `/api/v2`.", { minLength: 1 }),
      matchers: listOf(
        { type: "string", minLength: 1 },
        'What to silence: `app="shop"`, with `=`, `!=`, `=~` or `!~`; all of them must fit. With `expire`: only the silence with these.',
        { minItems: 1, maxItems: 50 },
      ),
      duration: durationField("How long at most; it ends by itself even when nobody ends it."),
      comment: text("Why; the run's id is added."),
      expire: truth("End the silences of this run instead of making one. Default false."),
      headers: {
        type: "object",
        additionalProperties: { type: "string" },
        description: "Request headers, such as `authorization` from a secret.",
      },
    },
    ["url"],
    {
      if: { required: ["expire"], properties: { expire: { const: true } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
      then: { properties: { duration: false } },
      else: { required: ["matchers", "duration"] },
    },
  ),
  examples: [
    {
      url: "${{ target.services.alertmanager }}",
      matchers: ["app=${{ target.app }}"],
      duration: "10m",
      comment: "deploy of ${{ inputs.image }}",
    },
    { url: "https://alerts.example", expire: true, headers: { authorization: "Bearer ${{ secrets.ALERTS_TOKEN }}" } },
  ],
  result: result({
    id: text("The silence; empty when one was ended and there was none."),
    state: text("`active`, `pending`, or `expired` after `expire`."),
    endsAt: text("When it ends, RFC 3339; empty after `expire`."),
    found: truth("Whether this run had made it before: nothing new was made."),
    expired: whole("How many silences were ended."),
  }),
  secretFields: ["headers.*"],
  action: ({ url, matchers, duration, expire }) => {
    const what = Array.isArray(matchers) ? matchers.join(", ") : String(matchers ?? "");
    const text =
      expire === true
        ? `end this run's silences at ${url}${what === "" ? "" : ` of ${what}`}`
        : `silence alerts with ${what} at ${url} for ${duration}`;
    return { text, argv: null };
  },
  async run(spec, host) {
    const wanted = spec.matchers?.map(matcherOf) ?? null;
    const { silences, now } = await silencesOf(spec, host);
    const own = silences.filter((silence) => silence.comment.endsWith(markOf(host)) && silence.state !== "expired");
    const fitting = own.filter((silence) => wanted === null || sameMatchers(silence.matchers, wanted));
    if (spec.expire === true) {
      for (const { id } of fitting) await expire(spec, host, id);
      return {
        id: fitting[0]?.id ?? "",
        state: "expired",
        endsAt: "",
        found: fitting.length > 0,
        expired: fitting.length,
      };
    }
    return await silence(spec, host, now, wanted ?? [], fitting);
  },
});

async function silence(
  spec: SilenceSpec,
  host: StepHost,
  startsAt: Date,
  matchers: readonly Matcher[],
  before: readonly Silence[],
): Promise<SilenceResult> {
  const lengthMs = durationMs(spec.duration ?? "", "duration");
  if (matchers.every(fitsMissingLabel)) {
    throw new StepFailure(
      "fatal",
      "silences-everything",
      `${matchers.map(matcherText).join(", ")} fits alerts without these labels too: it would silence everything. Name a label and its value.`,
      { facts: { matchers: matchers.map(matcherText) } },
    );
  }
  const endsAt = new Date(startsAt.getTime() + lengthMs);
  const existing = before[0];
  if (existing !== undefined && Date.parse(existing.endsAt) >= endsAt.getTime())
    return { id: existing.id, state: existing.state, endsAt: existing.endsAt, found: true, expired: 0 };
  const answer = await ask(spec, host, "POST", "/silences", {
    // One that ends too early, left by an earlier attempt, is prolonged: with its id and its own start it stays the same.
    ...(existing === undefined ? {} : { id: existing.id }),
    matchers,
    startsAt: existing?.startsAt ?? startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    createdBy: host.run.actor,
    comment: `${spec.comment?.trim() || "change by runbook"} ${markOf(host)}`,
  });
  const id = objectOf(answer)?.["silenceID"];
  if (typeof id !== "string" || id === "") throw notFrom("Alertmanager", answer);
  const made = silenceOf(jsonOrNull((await ask(spec, host, "GET", `/silence/${encodeURIComponent(id)}`)).body));
  if (made === null || made.state === "expired") {
    throw new StepFailure(
      "failed",
      "silence-not-active",
      `The silence ${id} was made and is ${made?.state ?? "not there"}.`,
      {
        facts: { id, state: made?.state ?? null },
      },
    );
  }
  return { id, state: made.state, endsAt: made.endsAt, found: existing !== undefined, expired: 0 };
}

/** At the end of the comment of every silence of this run. */
function markOf(host: StepHost): string {
  return `[${host.run.id}]`;
}

/** Whether a matcher fits alerts that do not have its label: for Alertmanager a missing label is an empty one. */
function fitsMissingLabel({ value, isRegex, isEqual }: Matcher): boolean {
  return (isRegex ? matchesEmpty(value) : value === "") === isEqual;
}

function matchesEmpty(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test("");
  } catch {
    return false; // written for RE2 only; Alertmanager refuses what silences everything itself
  }
}

/** With the time it is there: Alertmanager judges by its own clock, which need not be ours (RFC 9110, 6.6.1). */
async function silencesOf(spec: SilenceSpec, host: StepHost): Promise<{ silences: Silence[]; now: Date }> {
  const answer = await ask(spec, host, "GET", "/silences");
  const list = jsonOrNull(answer.body);
  const found = Array.isArray(list) ? list.map(silenceOf) : [null];
  if (found.includes(null)) throw notFrom("Alertmanager", answer);
  const said = Date.parse(answer.headers["date"] ?? "");
  return {
    silences: found.filter((each) => each !== null),
    now: Number.isNaN(said) ? host.clock.now() : new Date(said),
  };
}

/** Null = not a silence of the API. */
function silenceOf(value: unknown): Silence | null {
  if (typeof value !== "object" || value === null) return null;
  const { id, comment, startsAt, endsAt, matchers, status } = value as Record<string, unknown>;
  const state =
    typeof status === "object" && status !== null ? (status as Record<string, unknown>)["state"] : undefined;
  if (![id, comment, startsAt, endsAt, state].every((each) => typeof each === "string") || !Array.isArray(matchers))
    return null;
  return {
    id: String(id),
    comment: String(comment),
    startsAt: String(startsAt),
    endsAt: String(endsAt),
    state: String(state),
    // An old Alertmanager leaves `isEqual` out, and means true.
    matchers: matchers.map(({ name, value: each, isRegex, isEqual }) => ({
      name,
      value: each,
      isRegex,
      isEqual: isEqual ?? true,
    })),
  };
}

async function expire(spec: SilenceSpec, host: StepHost, id: string): Promise<void> {
  const path = `/silence/${encodeURIComponent(id)}`;
  try {
    const answer = await ask(spec, host, "DELETE", path);
    // The contract has no body here: a page means that something else answered.
    if (answer.body.trim() !== "" && jsonOrNull(answer.body) === null) throw notFrom("Alertmanager", answer);
  } catch (error) {
    // It may have ended meanwhile, which is what was wanted.
    if (!(error instanceof StepFailure) || error.facts["status"] === undefined) throw error;
    const now = await ask(spec, host, "GET", path, undefined, [404]);
    if (now.status === 404 || silenceOf(jsonOrNull(now.body))?.state === "expired") return;
    throw error;
  }
}

async function ask(
  spec: SilenceSpec,
  host: StepHost,
  method: string,
  path: string,
  body?: unknown,
  also: readonly number[] = [],
): Promise<HttpResponse> {
  const answer = await askWithin(host, "Alertmanager", {
    method,
    url: requestUrl(`${spec.url.replace(/\/+$/, "")}/api/v2${path}`),
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...requestHeaders(spec.headers),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(method === "GET" ? { effects: "read" as const } : {}),
  });
  if (answer.status === 200 || also.includes(answer.status)) return answer;
  throw refusedBy("Alertmanager", answer, host.clock.now(), "alertmanager-refused");
}
