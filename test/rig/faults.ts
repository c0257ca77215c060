/** Every way in which a service, or what stands before it, fails to answer; for tests of who asks it. */
import type { ServerResponse } from "node:http";

export type Fault = (response: ServerResponse) => void;

const page = "<html><head><title>Log in</title></head><body>Log in to continue</body></html>";
const half = '{"status":"ok","data":{"half';

function answering(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Fault {
  return (response) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

/** Writes half an answer, and then does something to the connection. */
function broken(headers: Readonly<Record<string, string>>, then: (response: ServerResponse) => void): Fault {
  return (response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.write(half, () => then(response));
  };
}

export const limited = answering(429, '{"message":"slow down"}', { "retry-after": "7" });
/** Longer than any attempt. */
export const limitedForAnHour = answering(429, '{"message":"slow down"}', { "retry-after": "3600" });
export const limitedBlindly = answering(429, '{"message":"slow down"}');

/** An overloaded or broken service: the request may have been carried out or not. */
export const unavailable: Readonly<Record<string, Fault>> = {
  "500": answering(500, ""),
  "502 of a proxy": answering(502, "<html>Bad Gateway</html>", { "content-type": "text/html" }),
  "503 with Retry-After": answering(503, '{"message":"maintenance"}', { "retry-after": "1" }),
};

/** The connection is lost before the answer is whole. */
export const halfClosed: Readonly<Record<string, Fault>> = {
  "hung up without a word": (response) => response.socket?.destroySoon(),
  "reset in the middle of the body": broken({ "content-length": "4096" }, (it) => it.socket?.resetAndDestroy()),
  "ended in the middle of the body": broken({ "content-length": "4096" }, (it) => it.socket?.destroySoon()),
  "ended in the middle of a chunked body": broken({}, (it) => it.socket?.destroySoon()),
};

export const slow: Readonly<Record<string, Fault>> = {
  silent: () => {},
  "stopped in the middle of the body": broken({ "content-length": "4096" }, () => {}),
};

export const logInPage = answering(200, page, { "content-type": "text/html" });

/** Refuses, and quotes what it was given, as some services do. */
export const quoting = (secret: string): Fault => answering(401, JSON.stringify({ message: `no such key: ${secret}` }));
