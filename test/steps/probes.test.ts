import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { dns } from "../../src/steps/dns.ts";
import { file } from "../../src/steps/file.ts";
import { tcp } from "../../src/steps/tcp.ts";
import { tls } from "../../src/steps/tls.ts";
import { authority, type Certificate, missingOpenssl, serverCertificate } from "../rig/certificates.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

let dir = "";
let ca: Certificate;
const noCertificates = missingOpenssl();
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "runbook-probes-"));
  if (noCertificates === null) ca = authority(dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const open: { close(done?: () => void): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => new Promise<void>((resolve) => each.close(() => resolve()))));
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close(done) {
      server.close(done);
      for (const socket of sockets) socket.destroy();
    },
  });
  return (server.address() as AddressInfo).port;
}

/** A port on which nobody listens: one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

describe("tcp", () => {
  const host = "127.0.0.1";

  test("is open when somebody listens", async () => {
    const port = await listening(createServer((socket) => socket.end()));
    expect(await runStep(tcp, { host, port }, rigHost())).toMatchObject({ open: true, address: host });
    expect(await failureOf(tcp, { host, port, expect: "closed" }, rigHost())).toMatchObject({
      class: "failed",
      reason: "port-open",
      result: { open: true },
    });
  });

  test("fails when nobody does, unless that is what is expected", async () => {
    const port = await freePort();
    const failure = await failureOf(tcp, { host, port }, rigHost());
    expect(failure).toMatchObject({ class: "transient", reason: "connection-refused" });
    expect(failure.message).toBe(`No connection to 127.0.0.1:${port}: connection refused (ECONNREFUSED).`);
    expect(await runStep(tcp, { host, port, expect: "closed" }, rigHost())).toEqual({
      open: false,
      address: null,
      durationMs: null,
    });
  });

  test("a connection that is never answered ends with the attempt, and proves nothing", async () => {
    const ended = rigHost({ signal: AbortSignal.abort() });
    const failure = await failureOf(tcp, { host: "127.0.0.1", port: 9, expect: "closed" }, ended);
    expect(failure).toMatchObject({ class: "timeout", reason: "timed-out" });
  });
});

describe.skipIf(noCertificates !== null)("tls", () => {
  async function serving(certificate: Certificate, more: TlsOptions = {}): Promise<number> {
    const server = createTlsServer({ ...certificate, ...more }, (socket) => socket.on("error", () => {}));
    server.on("tlsClientError", () => {});
    return await listening(server);
  }
  const spec = (port: number, more = {}) => ({
    host: "127.0.0.1",
    port,
    serverName: "shop.test",
    ca: "ca.pem",
    ...more,
  });
  const host = () => rigHost({ files: { "ca.pem": ca.cert }, now: new Date().toISOString() });

  test("reads a certificate that holds", async () => {
    const port = await serving(serverCertificate(dir, "shop.test", 30));
    const read = await runStep(tls, spec(port), host());
    expect(read).toMatchObject({
      trusted: true,
      problem: "",
      subject: "CN=shop.test",
      issuer: "O=Shop, CN=Shop test authority",
      altNames: ["shop.test"],
      protocol: "TLSv1.3",
    });
    expect(read.daysLeft).toBeGreaterThan(29.8);
    expect(read.daysLeft).toBeLessThanOrEqual(30);
    expect(read.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  test.each([
    ["one for another name", 30, { serverName: "admin.shop.test" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["one that has expired", -1, {}, "CERT_HAS_EXPIRED"],
    ["an authority nobody knows", 30, { ca: undefined }, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ])("fails for %s, unless told to look only", async (_name, days, more, problem) => {
    const port = await serving(serverCertificate(dir, "shop.test", days));
    const failure = await failureOf(tls, spec(port, more), host());
    expect(failure).toMatchObject({
      class: "failed",
      reason: "certificate-untrusted",
      facts: { problem },
      result: { trusted: false, subject: "CN=shop.test" },
    });
    const looked = await runStep(tls, spec(port, { ...more, allowUntrusted: true }), host());
    expect(looked).toMatchObject({ trusted: false, problem });
    expect(Math.sign(looked.daysLeft)).toBe(Math.sign(days));
  });

  test("one that expires soon holds, and says how soon; a self-signed one does not", async () => {
    const soon = await runStep(tls, spec(await serving(serverCertificate(dir, "shop.test", 2))), host());
    expect(soon).toMatchObject({ trusted: true, problem: "" });
    expect(Math.ceil(soon.daysLeft)).toBe(2);
    const own = await failureOf(tls, spec(await serving(ca), { ca: undefined }), host());
    expect(own).toMatchObject({ class: "failed", reason: "certificate-untrusted" });
    expect(own.facts["problem"]).toMatch(/SELF_SIGNED/);
  });

  test("an old protocol is no handshake", async () => {
    const port = await serving(serverCertificate(dir, "shop.test", 30), {
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "ALL:@SECLEVEL=0",
    });
    expect(await failureOf(tls, spec(port), host())).toMatchObject({ class: "failed", reason: "handshake-failed" });
  });

  test("a server that speaks no TLS is no handshake", async () => {
    const port = await listening(createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect(await failureOf(tls, spec(port), host())).toMatchObject({ class: "failed", reason: "handshake-failed" });
  });

  test("nobody there is transient", async () => {
    expect(await failureOf(tls, spec(await freePort()), host())).toMatchObject({
      class: "transient",
      reason: "connection-refused",
    });
  });
});

describe("dns", () => {
  /** Answers every question with these records, or with a response code; RFC 1035, section 4.1. */
  async function nameServer(answers: readonly Buffer[], code = 0): Promise<string> {
    const socket = createSocket("udp4");
    socket.on("message", (query, from) => {
      const end = query.indexOf(0, 12) + 5;
      const header = Buffer.from(query.subarray(0, 12));
      header.writeUInt16BE(0x8180 | code, 2);
      header.writeUInt16BE(answers.length, 6);
      header.writeUInt32BE(0, 8);
      const type = query.subarray(end - 4, end);
      const rows = answers.map((data) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(data.length);
        return Buffer.concat([Buffer.from([0xc0, 12]), type, Buffer.from([0, 0, 0, 60]), length, data]);
      });
      socket.send(Buffer.concat([header, query.subarray(12, end), ...rows]), from.port, from.address);
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    open.push(socket);
    return `127.0.0.1:${socket.address().port}`;
  }
  const text = (...parts: string[]) =>
    Buffer.concat(parts.flatMap((part) => [Buffer.from([part.length]), Buffer.from(part)]));

  test("returns the records, sorted", async () => {
    const server = await nameServer([Buffer.from([192, 0, 2, 7]), Buffer.from([192, 0, 2, 1])]);
    const read = await runStep(dns, { name: "shop.example", server }, rigHost());
    expect(read.records).toEqual(["192.0.2.1", "192.0.2.7"]);
  });

  test("puts the parts of one TXT record together", async () => {
    const server = await nameServer([text("v=spf1 ", "-all")]);
    const read = await runStep(dns, { name: "shop.example", type: "TXT", server }, rigHost());
    expect(read.records).toEqual(["v=spf1 -all"]);
  });

  test("writes MX records as zone files do", async () => {
    const server = await nameServer([Buffer.from([0, 10, 2, 109, 120, 0])]);
    const read = await runStep(dns, { name: "shop.example", type: "MX", server }, rigHost());
    expect(read.records).toEqual(["10 mx"]);
  });

  test.each([
    ["the name does not exist", 3],
    ["the name has no such records", 0],
  ])("fails when %s, unless that is expected", async (_name, code) => {
    const server = await nameServer([], code);
    const spec = { name: "old.shop.example", type: "CNAME", server };
    expect(await failureOf(dns, spec, rigHost())).toMatchObject({ class: "failed", reason: "no-records" });
    expect(await runStep(dns, { ...spec, expect: "absent" as const }, rigHost())).toEqual({ records: [] });
  });

  test("a record that should be gone is named", async () => {
    const server = await nameServer([Buffer.from([192, 0, 2, 7])]);
    const failure = await failureOf(dns, { name: "old.shop.example", server, expect: "absent" }, rigHost());
    expect(failure.message).toBe("old.shop.example has A records, but should have none: 192.0.2.7.");
  });

  test("a server that fails is transient, never absence", async () => {
    const server = await nameServer([], 2);
    const spec = { name: "shop.example", server, expect: "absent" as const };
    expect(await failureOf(dns, spec, rigHost())).toMatchObject({ class: "transient" });
  });

  test("a server given by name is refused", async () => {
    const failure = await failureOf(dns, { name: "shop.example", server: "ns1.shop.example" }, rigHost());
    expect(failure).toMatchObject({ class: "fatal", reason: "server-invalid" });
  });
});

describe("file", () => {
  test("tells size, age and digest", async () => {
    const written = new Date("2026-11-20T06:00:00Z");
    writeFileSync(join(dir, "backup.dump"), "PGDMP");
    utimesSync(join(dir, "backup.dump"), written, written);
    const host = rigHost({ workDir: dir, now: "2026-11-20T18:00:00Z" });
    expect(await runStep(file, { path: "backup.dump" }, host)).toEqual({
      exists: true,
      kind: "file",
      bytes: 5,
      ageSeconds: 43_200,
      modifiedAt: "2026-11-20T06:00:00.000Z",
      sha256: createHash("sha256").update("PGDMP").digest("hex"),
    });
  });

  test("an empty file and a directory are there, and told apart", async () => {
    writeFileSync(join(dir, "empty"), "");
    mkdirSync(join(dir, "folder"));
    const host = rigHost({ workDir: dir });
    expect(await runStep(file, { path: "empty" }, host)).toMatchObject({ exists: true, kind: "file", bytes: 0 });
    expect(await runStep(file, { path: join(dir, "folder") }, host)).toMatchObject({ kind: "directory", sha256: null });
    expect(await failureOf(file, { path: "empty", expect: "absent" }, host)).toMatchObject({ reason: "file-present" });
  });

  test.each(["nothing", "ca.pem/below"])("fails when there is nothing at %s, unless that is expected", async (path) => {
    const host = rigHost({ workDir: dir });
    const failure = await failureOf(file, { path }, host);
    expect(failure).toMatchObject({ class: "failed", reason: "file-missing", result: { exists: false } });
    expect(await runStep(file, { path, expect: "absent" }, host)).toMatchObject({ exists: false, kind: "none" });
  });
});
