/**
 * The first app over HTTPS, with certificates of the sandbox's own authority. One port speaks both: what begins with a
 * TLS record is served, plain HTTP is sent to the same port over HTTPS.
 */
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { replaceFile } from "../src/host/durable-file.ts";
import { type KeyAndCertificate, makeCertificate } from "./certificates.ts";
import { readJson } from "./json-file.ts";
import { tlsName } from "./layout.ts";

const authorityName = "Sandbox authority";
const dayMs = 86_400_000;
const tlsHandshakeRecord = 22;

/** The authority of one sandbox: made once, then kept (0600). */
export function loadAuthority(path: string): KeyAndCertificate {
  const kept = readJson<KeyAndCertificate>(path);
  if (kept !== null) return kept;
  const now = Date.now();
  const fresh = makeCertificate({
    name: authorityName,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + 3650 * dayMs),
    issuer: null,
  });
  replaceFile(path, `${JSON.stringify(fresh)}\n`);
  return fresh;
}

/** `state`: which of the states of the stand-in `tls` holds now. */
export function createTlsFront(authority: KeyAndCertificate, listener: RequestListener, state: () => string): Server {
  const issuer = { ...authority, name: authorityName };
  const secure = createHttpsServer(contextOf(state(), issuer), listener);
  let shown = state();
  const plain = createHttpServer((request, response) => {
    if (state() === "no-redirect") return listener(request, response);
    const [, port = ""] = /:(\d+)$/.exec(request.headers.host ?? "") ?? [];
    response.writeHead(308, { location: `https://${tlsName}:${port}${request.url ?? "/"}` });
    response.end();
  });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
    socket.once("data", (first: Buffer) => {
      socket.pause();
      if (first[0] !== tlsHandshakeRecord) {
        plain.emit("connection", socket);
        socket.unshift(first);
        return socket.resume();
      }
      socket.unshift(first);
      if (shown !== state()) {
        shown = state();
        secure.setSecureContext(contextOf(shown, issuer));
      }
      return secure.emit("connection", socket);
    });
  });
  server.on("close", () => {
    for (const socket of open) socket.destroy();
  });
  return server;
}

function contextOf(state: string, issuer: KeyAndCertificate & { readonly name: string }): SecureContextOptions {
  const now = Date.now();
  const days = state === "expiring" ? 5 : state === "expired" ? -1 : 90;
  const { key, cert } = makeCertificate({
    name: tlsName,
    notBefore: new Date(now - 100 * dayMs),
    notAfter: new Date(now + days * dayMs),
    issuer: state === "self-signed" ? null : issuer,
    dnsNames: [state === "wrong-name" ? "shop.invalid" : tlsName],
  });
  // OpenSSL 3 offers TLS 1.1 at security level 0 only.
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  return { key, cert: cert + issuer.cert, ...(state === "tls-1.1" ? old : {}) };
}
