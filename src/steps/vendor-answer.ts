/** Answers of other services, judged: what may be tried again, when, and what they said. */
import { jsonOrNull } from "./command-result.ts";
import { type HttpRequest, type HttpResponse, StepFailure, type StepHost } from "./step-type.ts";

const longestQuoteChars = 300;
/** Also of who asks in another way: a service that is always busy is told as such. */
export const mostTries = 4;
const shortestPauseMs = 1_000;

/**
 * One answer of a service. A 429 that says when to come back is waited for when the attempt is long enough: it refused the
 * request before anything was done (RFC 6585, section 4), so that a change may be sent again too. Nothing else is repeated.
 */
export async function askWithin(host: StepHost, service: string, request: HttpRequest): Promise<HttpResponse> {
  for (let tried = 1; ; tried++) {
    const answer = await host.http(request);
    const said = answer.status === 429 ? retryAfterMsOf(answer.headers["retry-after"], host.clock.now()) : null;
    if (said === null || tried === mostTries || said >= host.remainingMs()) return answer;
    host.progress(`${service} answered 429. Trying again in ${Math.ceil(said / 1_000)} s.`);
    await host.clock.sleep(Math.max(shortestPauseMs, said));
  }
}

/**
 * The failure that an answer with a status is: `transient` for 429 and 5xx, else `failed`. `facts` hold `status`, what was
 * said and `retryAfterMs` (null = nothing was said about it).
 */
export function refusedBy(service: string, answer: HttpResponse, now: Date, reason = "service-refused"): StepFailure {
  const said = saidBy(answer);
  const retryAfterMs = retryAfterMsOf(answer.headers["retry-after"], now);
  const when = retryAfterMs === null ? "" : `, try again in ${Math.ceil(retryAfterMs / 1000)} s`;
  return new StepFailure(
    answer.status === 429 || answer.status >= 500 ? "transient" : "failed",
    reason,
    `${service} answered ${answer.status}${said === "" ? "" : ` ${said}`}${when}.`,
    { facts: { status: answer.status, said, retryAfterMs } },
  );
}

/** The failure of a 2xx answer that is not the service's own, such as a log-in page of a proxy before it. */
export function notFrom(service: string, answer: HttpResponse): StepFailure {
  const type = answer.headers["content-type"] ?? "no content type";
  return new StepFailure(
    "failed",
    "answer-not-understood",
    `The answer ${answer.status} (${type}) is not one of ${service}: ${saidBy(answer) || "it is empty"}. Check the URL.`,
    { facts: { status: answer.status, contentType: type } },
  );
}

/** First words of a body, on one line. */
function saidBy({ body }: HttpResponse): string {
  const line = body.trim().replaceAll(/\s+/g, " ");
  return line.length <= longestQuoteChars ? line : `${line.slice(0, longestQuoteChars)}…`;
}

/** `Retry-After` in either form of RFC 9110, 10.2.3; null = absent or unreadable. Never negative. */
export function retryAfterMsOf(header: string | undefined, now: Date): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}

/** The body as a JSON object; null = it is none. */
export function objectOf(answer: HttpResponse): Readonly<Record<string, unknown>> | null {
  const value = jsonOrNull(answer.body);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}
