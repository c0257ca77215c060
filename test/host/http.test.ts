/** The limit of one HTTP exchange, over a real socket. */

import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { makeCertificate } from "../../sandbox/certificates.ts";
import { exchange } from "../../src/host/http.ts";
import { loopbackServer } from "../rig/loopback-server.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Takes connections and never answers; calls back for each. */
async function silentServer(onConnection: () => void) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onConnection();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

test("a server that never answers costs the limit and not more, also when garbage is collected meanwhile", async () => {
  const server = await silentServer(() => setImmediate(collectGarbage));
  const begin = performance.now();
  const failure = await exchange({ method: "GET", url: server.url }, 250, new AbortController().signal).catch(
    (error: unknown) => error,
  );
  server.close();
  expect(failure).toMatchObject({ class: "timeout", reason: "timeout" });
  expect((failure as Error).message).toContain("did not answer within 250 ms");
  expect(performance.now() - begin).toBeGreaterThanOrEqual(240);
}, 10_000);

test("an abort ends it at once, before and while it waits", async () => {
  const control = new AbortController();
  const server = await silentServer(() => control.abort());
  const ask = () => exchange({ method: "GET", url: server.url }, 60_000, control.signal);
  await expect(ask()).rejects.toMatchObject({ class: "failed", reason: "cancelled" });
  await expect(ask()).rejects.toMatchObject({ class: "failed", reason: "cancelled" });
  server.close();
}, 10_000);

test("a server of an authority of one's own is trusted when its certificate is given, and only then", async () => {
  const now = Date.now();
  const span = { notBefore: new Date(now - 86_400_000), notAfter: new Date(now + 86_400_000) };
  const authority = { ...makeCertificate({ ...span, name: "Own authority", issuer: null }), name: "Own authority" };
  const own = makeCertificate({ ...span, name: "localhost", issuer: authority, dnsNames: ["localhost"] });
  const server = createHttpsServer(own, (_, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const ask = (caText?: string) =>
    exchange(
      {
        method: "GET",
        url: `https://localhost:${(server.address() as AddressInfo).port}/`,
        ...(caText === undefined ? {} : { caText }),
      },
      10_000,
      new AbortController().signal,
    );
  try {
    expect(await ask(authority.cert)).toMatchObject({ status: 200, body: "ok" });
    await expect(ask()).rejects.toMatchObject({ class: "failed", reason: expect.stringMatching(/cert|issuer|sign/) });
  } finally {
    server.close();
  }
}, 10_000);

test("a redirect to another server takes no header along that may be a credential", async () => {
  const other = await loopbackServer((_, response) => response.end("there"));
  const first = await loopbackServer((request, response) => {
    response.writeHead(307, { location: request.url === "/" ? "/again" : `${other.url}/final` }).end();
  });
  const secret = { authorization: "Bearer s3cret", cookie: "s=s3cret", "X-Api-Key": "s3cret", apikey: "s3cret" };
  const answer = await exchange(
    { method: "GET", url: `${first.url}/`, headers: { ...secret, Accept: "text/plain" }, followRedirects: true },
    5_000,
    new AbortController().signal,
  );
  await Promise.all([first.close(), other.close()]);
  expect(answer).toMatchObject({ status: 200, body: "there" });
  expect(first.received.map((request) => request.headers["x-api-key"])).toEqual(["s3cret", "s3cret"]);
  expect(other.received.map((request) => [request.url, request.headers.accept])).toEqual([["/final", "text/plain"]]);
  expect(JSON.stringify(other.received)).not.toContain("s3cret");
});
