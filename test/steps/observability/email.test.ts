import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { sendMail } from "../../../src/host/helpers/mail.ts";
import { email } from "../../../src/steps/email.ts";
import type { StepFailure } from "../../../src/steps/step-type.ts";
import { authority, missingOpenssl, serverCertificate } from "../../rig/certificates.ts";
import { type MailServer, type MailServerOptions, startMailServer } from "../../rig/mail-server.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

const noOpenssl = missingOpenssl();
const dir = mkdtempSync(join(tmpdir(), "runbook-email-"));
const ca = noOpenssl === null ? authority(dir) : { cert: "", key: "" };
const certificate = noOpenssl === null ? serverCertificate(dir, "localhost", 30) : { cert: "", key: "" };
const wrongName = noOpenssl === null ? serverCertificate(dir, "mail.shop.example", 30) : { cert: "", key: "" };

let server: MailServer | undefined;
afterEach(async () => {
  await server?.end();
  server = undefined;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function at(options: MailServerOptions, scheme = "smtp"): Promise<string> {
  server = await startMailServer(options);
  return `${scheme}://localhost:${server.port}`;
}

const letter = {
  from: "Shop Runbooks <runbooks@shop.example>",
  to: ["oncall@shop.example"],
  subject: "Rollback of shop: rückgängig",
  text: "Rolled back to v8.\n.hidden line\nLänge: 3 m",
};
const hostOf = () => rigHost({ files: { "ca.pem": ca.cert } });

test("hands a message over, and says what the server said", async () => {
  const spec = { server: await at({}), ...letter, cc: ["manager@shop.example"] };
  const sent = await runStep(email, spec, hostOf());
  expect(sent).toMatchObject({
    sent: true,
    accepted: ["oncall@shop.example", "manager@shop.example"],
    reply: "250 OK: queued as 4F2A",
  });
  const taken = server?.taken[0];
  expect(taken).toMatchObject({ from: "runbooks@shop.example", to: sent.accepted, encrypted: false, user: null });
  expect(taken?.message).toContain("From: Shop Runbooks <runbooks@shop.example>");
  expect(taken?.message).toContain("Subject: =?UTF-8?");
  expect(taken?.message).toContain(`Message-ID: <${sent.messageId}>`);
  expect(taken?.message).toContain("Date: Fri, 20 Nov 2026 18:00:00 +0000");
  expect(taken?.message).toContain("Auto-Submitted: auto-generated");
  expect(taken?.message).toContain("\n.hidden line\n");
});

test("what is kept is what was sent", async () => {
  const sent = await runStep(email, { server: await at({}), ...letter }, hostOf());
  expect(sent.message.trim()).toBe(server?.taken[0]?.message.trim());
});

test("the same letter of the same run has the same id, another has another", async () => {
  const server = await at({});
  const first = await runStep(email, { server, ...letter }, hostOf());
  const again = await runStep(email, { server, ...letter }, hostOf());
  const other = await runStep(email, { server, ...letter, text: "Something else." }, hostOf());
  expect(again.messageId).toBe(first.messageId);
  expect(other.messageId).not.toBe(first.messageId);
});

test("a dry run renders the message and connects to nobody", async () => {
  const address = await at({});
  const rendered = await runStep(email, { server: address, ...letter, dryRun: true }, hostOf());
  expect(rendered).toMatchObject({ sent: false, accepted: [], reply: "" });
  expect(rendered.message).toContain("To: oncall@shop.example");
  expect(rendered.message).toContain("Rolled back to v8.");
  expect(server?.taken).toEqual([]);
  const sent = await runStep(email, { server: address, ...letter }, hostOf());
  expect(sent.message).toBe(rendered.message);
});

describe.skipIf(noOpenssl !== null)("encrypted", () => {
  test.each([
    ["after STARTTLS", "smtp", false],
    ["from the first byte", "smtps", true],
  ])("%s, with a login", async (_, scheme, tls) => {
    const login = { user: "runbooks", password: "hunter2 ü" };
    const address = await at({ certificate, tls, login }, scheme);
    await runStep(email, { server: address, ca: "ca.pem", ...letter, ...login }, hostOf());
    expect(server?.taken).toMatchObject([{ encrypted: true, user: "runbooks" }]);
    const failure = await failureOf(
      email,
      { server: address, ca: "ca.pem", ...letter, user: "runbooks", password: "wr0ng" },
      hostOf(),
    );
    expect(failure).toMatchObject({ class: "failed", reason: "login-refused", facts: { status: 535 } });
    expect(JSON.stringify([failure.message, failure.facts])).not.toContain("wr0ng");
  });

  test.each([
    ["an authority nobody named", certificate, undefined],
    ["another name", wrongName, "ca.pem"],
  ])("a certificate of %s is refused, and nothing is sent", async (_, certificate, trusted) => {
    const spec = { server: await at({ certificate, tls: true }, "smtps"), ...letter };
    const failure = await failureOf(email, { ...spec, ...(trusted === undefined ? {} : { ca: trusted }) }, hostOf());
    expect(failure).toMatchObject({ class: "failed", reason: "certificate-untrusted" });
    expect(server?.taken).toEqual([]);
  });
});

test("another machine has to speak STARTTLS", async () => {
  const requests: unknown[] = [];
  const host = {
    ...hostOf(),
    helper: async (_: string, __: readonly string[], input: unknown) => requests.push(input) as never,
  };
  await email.run({ server: "smtp://mail.shop.example", ...letter }, host);
  await email.run({ server: "smtps://mail.shop.example", ...letter }, host);
  await email.run({ server: "smtp://127.0.0.1:2525", ...letter }, host);
  expect(requests).toMatchObject([
    { server: { host: "mail.shop.example", port: 587, security: "starttls" } },
    { server: { host: "mail.shop.example", port: 465, security: "tls" } },
    { server: { host: "127.0.0.1", port: 2525, security: "offered" } },
  ]);
});

describe("replies", () => {
  test.each([
    [450, "mailbox busy", "transient"],
    [452, "too many recipients", "transient"],
    [550, "no such user", "failed"],
    [554, "blocked", "failed"],
  ])("%i %s is %s", async (code, text, failureClass) => {
    const spec = { server: await at({ refuse: { "oncall@shop.example": { code, text } } }), ...letter };
    const failure = await failureOf(email, spec, hostOf());
    expect(failure).toMatchObject({ class: failureClass, reason: "recipient-refused", facts: { status: code } });
    expect(failure.message).toContain(text);
  });

  test("a refused message is told", async () => {
    const spec = { server: await at({ refuse: { DATA: { code: 552, text: "too large" } } }), ...letter };
    expect(await failureOf(email, spec, hostOf())).toMatchObject({ class: "failed", reason: "smtp-refused" });
  });

  test("one refused recipient among others is a failure that is not repeated", async () => {
    const refuse = { "gone@shop.example": { code: 450, text: "busy" } };
    const spec = { server: await at({ refuse }), ...letter, to: ["oncall@shop.example", "gone@shop.example"] };
    const failure = await failureOf(email, spec, hostOf());
    expect(failure).toMatchObject({
      class: "failed",
      facts: { refused: ["gone@shop.example"], accepted: ["oncall@shop.example"] },
    });
    expect(server?.taken).toHaveLength(1);
  });

  test("nobody there may be tried again; half an answer and silence too", async () => {
    const address = await at({});
    await server?.end();
    server = undefined;
    expect(await failureOf(email, { server: address, ...letter }, hostOf())).toMatchObject({ class: "transient" });
    for (const [reply, attemptMs] of [
      ["22", 60_000],
      ["", 200],
    ] as const) {
      const mute = createServer((socket) => {
        socket.on("error", () => {});
        if (reply !== "") socket.end(reply);
      });
      await once(mute.listen(0, "127.0.0.1"), "listening");
      const spec = { server: `smtp://127.0.0.1:${(mute.address() as AddressInfo).port}`, ...letter };
      const failure = await failureOf(email, spec, rigHost({ attemptMs }));
      expect(failure.class).toBe(reply === "" ? "timeout" : "transient");
      mute.close();
    }
  });

  test("a server that hangs up in the middle of the message took it perhaps: it is not sent twice", async () => {
    let connections = 0;
    const hasty = createServer((socket) => {
      connections++;
      socket.on("error", () => {});
      socket.write("220 mail\r\n");
      socket.on("data", (chunk: Buffer) => {
        const isMessage = !/^(EHLO|MAIL|RCPT|DATA)/.test(chunk.toString());
        if (isMessage) socket.destroy();
        else socket.write(chunk.toString().startsWith("DATA") ? "354 go on\r\n" : "250 OK\r\n");
      });
    });
    await once(hasty.listen(0, "127.0.0.1"), "listening");
    const spec = { server: `smtp://127.0.0.1:${(hasty.address() as AddressInfo).port}`, ...letter };
    expect(await failureOf(email, spec, hostOf())).toMatchObject({ class: "transient", reason: "connection" });
    expect(connections).toBe(1);
    hasty.close();
  });

  test("no STARTTLS where it is demanded: nothing is handed over", async () => {
    await at({});
    const request = {
      server: {
        host: "localhost",
        port: server?.port ?? 0,
        security: "starttls",
        ca: null,
        user: "u",
        password: "hunter2",
      },
      ...letter,
      cc: [],
      messageId: "m@shop.example",
      date: "2026-11-20T18:00:00Z",
      dryRun: false,
      timeoutMs: 5_000,
    } as const;
    const failure = await sendMail(request, AbortSignal.any([])).catch((error: unknown) => error);
    expect(failure).toMatchObject({ class: "failed", message: expect.stringContaining("STARTTLS") });
    expect(JSON.stringify([(failure as Error).message, (failure as StepFailure).facts])).not.toContain("hunter2");
    expect(server?.taken).toEqual([]);
  });
});

describe("refused before anybody is asked", () => {
  test.each([
    ["a line break in the subject", { subject: "hi\r\nBcc: everyone@shop.example" }, "header-injection"],
    ["a line break in a recipient", { to: ["a@b.example\nBcc: c@d.example"] }, "header-injection"],
    ["a line break in the sender", { from: "a@b.example\r\nX: y" }, "header-injection"],
    ["two addresses in one", { to: ["a@b.example, c@d.example"] }, "address-invalid"],
    ["two addresses behind a name", { cc: ["x <a@b.example>, c@d.example"] }, "address-invalid"],
    ["no address", { to: ["oncall"] }, "address-invalid"],
    ["an empty letter", { text: " \n" }, "text-missing"],
    ["another protocol", { server: "http://mail.shop.example" }, "url-invalid"],
    ["a password in the address", { server: "smtp://u:hunter2@mail.shop.example" }, "url-has-credentials"],
  ])("%s", async (_, part, reason) => {
    const spec = { server: await at({}), ...letter, ...part };
    const host = hostOf();
    const failure = await failureOf(email, spec, host);
    expect(failure).toMatchObject({ class: "fatal", reason });
    expect(failure.message).not.toContain("hunter2");
    expect(host.calls).toEqual([]);
    expect(server?.taken).toEqual([]);
  });
});

test("the plan names recipients and subject; the password is a secret field", () => {
  expect(email.action({ server: "smtp://x", ...letter }, { target: {} }).text).toBe(
    "e-mail to oncall@shop.example: Rollback of shop: rückgängig",
  );
  expect(email.secretFields).toEqual(["password"]);
});
