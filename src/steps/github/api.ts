/**
 * Asks GitHub's REST API: paging, rate limits, and answers read strictly. The token goes into a header and nowhere else.
 * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
 */
import { isObject, type JsonObject, type JsonSchema } from "../../util/json.ts";
import { jsonOrNull } from "../command-result.ts";
import { type Shape, ShapeMismatch } from "../fly/shape.ts";
import { text } from "../schema.ts";
import { type HttpResponse, StepFailure, type StepHost } from "../step-type.ts";
import { requestUrl } from "../url.ts";

export interface GithubSpec {
  readonly repository: string;
  readonly token: string;
  readonly api?: string;
}

/** The fields every `github/*` type has. */
export const githubFields: Readonly<Record<string, JsonSchema>> = {
  repository: text("Repository as `owner/name`.", { pattern: "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$" }),
  token: text("Token that may do this; it is a secret: `${{ secrets.GITHUB_TOKEN }}`.", { minLength: 1 }),
  api: text("Base URL of the API, default `https://api.github.com`; on your own server `https://HOST/api/v3`.", {
    examples: ["https://github.example/api/v3"],
    minLength: 1,
  }),
};

export const githubRequired = ["repository", "token"] as const;

export type Query = Readonly<Record<string, string | number | undefined>>;

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query?: Query;
  readonly body?: JsonObject;
  /** Sending it twice does no more than once, so a 5xx may be answered by another try. */
  readonly repeatable: boolean;
}

const defaultApi = "https://api.github.com";
const pageSize = 100;
const mostPages = 50;
const mostTries = 4;
/** GitHub asks for at least a minute when it limits without saying for how long. */
const unsaidLimitMs = 60_000;
const firstPauseMs = 1_000;

/** Path below the repository: `repositoryPath(spec, "commits", sha, "status")`. Every part becomes one segment. */
export function repositoryPath(spec: GithubSpec, ...parts: readonly (string | number)[]): string {
  const [owner = "", name = ""] = spec.repository.split("/");
  return `/repos/${[owner, name, ...parts].map((part) => encodeURIComponent(part)).join("/")}`;
}

/** A GET that must answer 200. */
export async function githubRead<T>(
  host: StepHost,
  spec: GithubSpec,
  path: string,
  shape: Shape<T>,
  query: Query = {},
): Promise<T> {
  const answer = await ask(host, spec, { method: "GET", path, query, repeatable: true });
  return shaped(`GET ${path}`, answer, shape);
}

/** All pages of a list. `listOf` takes the list out of one page. */
export async function githubPages<T>(
  host: StepHost,
  spec: GithubSpec,
  path: string,
  page: Shape<readonly T[]>,
  query: Query = {},
): Promise<T[]> {
  const all: T[] = [];
  for (let number = 1; number <= mostPages; number++) {
    const rows = await githubRead(host, spec, path, page, { ...query, per_page: pageSize, page: number });
    all.push(...rows);
    if (rows.length < pageSize) return all;
  }
  throw new StepFailure(
    "failed",
    "too-many-pages",
    `GET ${path} has more than ${mostPages * pageSize} entries; a list that was not read to its end proves nothing.`,
  );
}

/** A request that changes something. Returns the answer when its status is one of `accepted`. */
export async function githubWrite(
  host: StepHost,
  spec: GithubSpec,
  request: Exchange,
  accepted: readonly number[],
): Promise<HttpResponse> {
  return await ask(host, spec, request, accepted);
}

async function ask(
  host: StepHost,
  spec: GithubSpec,
  request: Exchange,
  accepted: readonly number[] = [200],
): Promise<HttpResponse> {
  const base = requestUrl(spec.api ?? defaultApi).replace(/\/+$/, "");
  const read = request.method === "GET";
  for (let tried = 1; ; tried++) {
    const answer = await host.http({
      method: request.method,
      url: requestUrl(`${base}${request.path}`, request.query),
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${spec.token}`,
        "x-github-api-version": "2022-11-28",
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(read ? { effects: "read" as const } : {}),
    });
    if (accepted.includes(answer.status)) return answer;
    if (answer.status === 200) throw notExpected(`${request.method} ${request.path}`, answer);
    const failure = failureOf(request, answer, host.clock.now());
    const waitMs = pauseMs(failure, tried, request.repeatable);
    if (waitMs === null || tried === mostTries || waitMs >= host.remainingMs()) throw failure;
    host.progress(`${failure.message} Trying again in ${Math.ceil(waitMs / 1_000)} s.`);
    await host.clock.sleep(waitMs);
  }
}

/** How long to wait before another try; null = none. A limit refuses before anything is done, so any request may wait. */
function pauseMs(failure: StepFailure, tried: number, repeatable: boolean): number | null {
  if (failure.class !== "transient") return null;
  const isLimited = failure.reason === "rate-limited";
  if (!isLimited && !repeatable) return null;
  const said = failure.facts["retryAfterSeconds"];
  if (typeof said === "number") return Math.max(1, said) * 1_000;
  return (isLimited ? unsaidLimitMs : firstPauseMs) * 2 ** (tried - 1);
}

function failureOf({ method, path }: Exchange, answer: HttpResponse, now: Date): StepFailure {
  const { status } = answer;
  const said = messageOf(answer.body);
  const what = `GitHub answered ${status} to ${method} ${path}${said === "" ? "" : `: ${said}`}`;
  const facts = { status, error: said };
  if (isLimit(answer)) {
    const retryAfterSeconds = secondsToWait(answer, now);
    const until = retryAfterSeconds === null ? "without saying for how long" : `for ${retryAfterSeconds} s`;
    return new StepFailure("transient", "rate-limited", `${what}. It limits this token ${until}.`, {
      facts: { ...facts, retryAfterSeconds },
    });
  }
  if (status >= 500) {
    const retryAfterSeconds = secondsToWait(answer, now);
    return new StepFailure("transient", "github-unavailable", `${what}. See https://www.githubstatus.com.`, {
      facts: { ...facts, retryAfterSeconds },
    });
  }
  if (status === 401) {
    const next = "the token is missing, expired or revoked: make a new one and store it as the secret";
    return new StepFailure("fatal", "not-authorised", `${what}; ${next}.`, { facts });
  }
  if (status === 403) {
    const next = `the token may not do this: it needs ${answer.headers["x-accepted-github-permissions"] ?? "more permissions"}`;
    return new StepFailure("fatal", "forbidden", `${what}; ${next}.`, { facts });
  }
  if (status === 404) {
    const next = "there is no such thing, or the token may not see it";
    return new StepFailure("failed", "not-found", `${what}; ${next}.`, { facts });
  }
  return new StepFailure("failed", status === 422 ? "validation-failed" : "unexpected-answer", `${what}.`, { facts });
}

/**
 * 429 always; 403 when the quota is used up, when it says when to come back, or when it calls itself a secondary limit.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
function isLimit({ status, headers, body }: HttpResponse): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  return (
    headers["retry-after"] !== undefined ||
    headers["x-ratelimit-remaining"] === "0" ||
    /rate limit/i.test(messageOf(body))
  );
}

/** Seconds from `Retry-After` (number or date), else from `X-RateLimit-Reset` when the quota is used up; null = not said. */
function secondsToWait({ headers }: HttpResponse, now: Date): number | null {
  const after = headers["retry-after"]?.trim();
  if (after !== undefined && /^\d{1,6}$/.test(after)) return Number(after);
  if (after !== undefined && !Number.isNaN(Date.parse(after))) return secondsUntil(Date.parse(after), now);
  const reset = headers["x-ratelimit-reset"];
  if (headers["x-ratelimit-remaining"] === "0" && reset !== undefined && /^\d{1,12}$/.test(reset))
    return secondsUntil(Number(reset) * 1_000, now);
  return null;
}

function secondsUntil(atMs: number, now: Date): number {
  return Math.max(1, Math.ceil((atMs - now.getTime()) / 1_000));
}

/** GitHub's `message`, with what it says about single fields. */
function messageOf(body: string): string {
  const value = jsonOrNull(body);
  if (!isObject(value) || typeof value["message"] !== "string") return "";
  const errors = Array.isArray(value["errors"]) ? value["errors"] : [];
  const details = errors.map((each) => (isObject(each) ? (each["message"] ?? each["code"]) : each));
  const listed = details.filter((each) => typeof each === "string");
  return [value["message"], ...listed].join("; ").slice(0, 300);
}

/** The answer read as JSON of this shape. */
export function shaped<T>(name: string, answer: HttpResponse, shape: Shape<T>): T {
  const value = jsonOrNull(answer.body);
  if (value === null) throw notExpected(name, answer);
  try {
    return shape(value, "");
  } catch (error) {
    if (!(error instanceof ShapeMismatch)) throw error;
    throw unexpected(name, answer, `something else: ${error.message}`);
  }
}

function notExpected(name: string, answer: HttpResponse): StepFailure {
  const type = (answer.headers["content-type"] ?? "nothing").slice(0, 80);
  return unexpected(name, answer, jsonOrNull(answer.body) === null ? `no JSON but ${type}` : "something else");
}

function unexpected(name: string, answer: HttpResponse, found: string): StepFailure {
  return new StepFailure(
    "failed",
    "unexpected-answer",
    `${name} answered ${answer.status} with ${found}. Check the base URL in \`api\`: a proxy or a log-in page may stand before it.`,
    { facts: { status: answer.status } },
  );
}
