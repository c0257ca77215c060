/** One HTTP exchange over undici. Resolves for any status; throws `StepFailure` when there was no answer. */
import { type HttpRequest, type HttpResponse, StepFailure } from "../steps/step-type.ts";
import { after } from "../util/timer.ts";

const defaultMaxBodyBytes = 8 * 1024 * 1024;
const maxRedirects = 10;

/** Codes after which the same request may well succeed a moment later. */
const transientCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
]);

export async function exchange(request: HttpRequest, timeoutMs: number, signal: AbortSignal): Promise<HttpResponse> {
  const undici = await import("undici");
  const begin = performance.now();
  const limit = limitedBy(signal, timeoutMs);
  const dispatcher = request.caText === undefined ? null : new undici.Agent({ connect: { ca: request.caText } });
  let url = parseUrl(request.url);
  let { method, body } = request;
  let headers: Readonly<Record<string, string>> = { "user-agent": "runbook", ...request.headers };
  try {
    for (let hops = 0; ; hops++) {
      const answer = await undici.request(url, {
        method: method as "GET",
        headers,
        body: body ?? null,
        signal: limit.signal,
        ...(dispatcher === null ? {} : { dispatcher }),
      });
      const location = answer.headers["location"];
      if (
        request.followRedirects &&
        answer.statusCode >= 301 &&
        answer.statusCode <= 308 &&
        typeof location === "string" &&
        hops < maxRedirects
      ) {
        await answer.body.dump();
        const next = new URL(location, url);
        // As the Fetch standard does: 303 (and 301, 302 after POST) become GET.
        if (next.origin !== url.origin) headers = withoutCredentials(headers);
        if (answer.statusCode === 303 || (answer.statusCode < 303 && method === "POST"))
          [method, body] = ["GET", undefined];
        url = next;
        continue;
      }
      const text = await readBody(answer.body, request.maxBodyBytes ?? defaultMaxBodyBytes, request.url);
      return {
        status: answer.statusCode,
        headers: headersOf(answer.headers),
        body: text,
        durationMs: performance.now() - begin,
      };
    }
  } catch (error) {
    throw failureOf(error, request, timeoutMs, signal);
  } finally {
    limit.end();
    await dispatcher?.destroy();
  }
}

/**
 * A signal that follows `signal` and is aborted with a `TimeoutError` after `timeoutMs`. Node 20 lets
 * `AbortSignal.any([…, AbortSignal.timeout(…)])` be collected while it is waited for, and then it never fires.
 */
function limitedBy(signal: AbortSignal, timeoutMs: number): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const follow = () => controller.abort(signal.reason);
  if (signal.aborted) follow();
  else signal.addEventListener("abort", follow, { once: true });
  const cancel = after(timeoutMs, () => controller.abort(new DOMException("the time limit is over", "TimeoutError")));
  return {
    signal: controller.signal,
    end() {
      cancel();
      signal.removeEventListener("abort", follow);
    },
  };
}

/** What a server that was not asked may see. Any other header may be a credential, whatever its name. */
const headersOfNoOne = new Set(["accept", "accept-language", "content-type", "user-agent"]);

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => headersOfNoOne.has(name.toLowerCase())));
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  } catch {
    // said below
  }
  throw new StepFailure("fatal", "url-invalid", `${JSON.stringify(text)} is not an http or https address`);
}

async function readBody(stream: AsyncIterable<Buffer>, maxBytes: number, url: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new StepFailure("failed", "body-too-large", `the answer of ${url} is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function headersOf(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
}

function failureOf(error: unknown, request: HttpRequest, timeoutMs: number, signal: AbortSignal): StepFailure {
  if (error instanceof StepFailure) return error;
  const what = `${request.method} ${request.url}`;
  if (signal.aborted) return new StepFailure("failed", "cancelled", `${what} was cancelled`);
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === "TimeoutError") {
    return new StepFailure("timeout", "timeout", `${what} did not answer within ${Math.round(timeoutMs)} ms`);
  }
  const reason = code ?? name ?? "error";
  const failureClass = transientCodes.has(reason) ? "transient" : "failed";
  return new StepFailure(failureClass, reason.toLowerCase().replaceAll("_", "-"), `${what}: ${message || reason}`, {
    cause: error,
    facts: { code: reason },
  });
}
