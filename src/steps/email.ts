/** Sends a message by SMTP, or renders it only. */
import { createHash } from "node:crypto";
import type { JsonObject } from "../util/json.ts";
import { maxTimerMs } from "../util/timer.ts";
import { closed, listOf, result, text, truth } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";

interface EmailSpec {
  readonly server: string;
  readonly user?: string;
  readonly password?: string;
  readonly ca?: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly cc?: readonly string[];
  readonly subject?: string;
  readonly text?: string;
  readonly dryRun?: boolean;
}

interface EmailResult {
  readonly sent: boolean;
  readonly accepted: readonly string[];
  readonly reply: string;
  readonly messageId: string;
  readonly message: string;
}

/** RFC 8314, section 3: 587 for submission with STARTTLS, 465 for TLS from the first byte. */
const usualPort: Readonly<Record<string, number>> = { "smtps:": 465, "smtp:": 587 };

export const email = defineStepType<EmailSpec, EmailResult>({
  type: "email",
  summary: "Sends an e-mail by SMTP; with `dryRun` it renders the message and connects to nobody.",
  docs: "https://www.rfc-editor.org/rfc/rfc5321",
  effects: "write",
  timeoutMs: 60_000,
  input: closed(
    {
      server: text(
        "Where the mail is handed over: `smtp://mail.example:587` speaks STARTTLS or not at all (this machine alone may do without), `smtps://mail.example:465` is encrypted from the first byte.",
        { minLength: 1 },
      ),
      user: text("Login, when the server wants one."),
      password: text("Its password; it is a secret: `${{ secrets.SMTP_PASSWORD }}`."),
      ca: text("File beside the runbook with the only authorities to trust, PEM."),
      from: text("Sender, `shop@example.com` or `Shop <shop@example.com>`.", { minLength: 3 }),
      to: listOf({ type: "string", minLength: 3 }, "Recipients, one address each.", { minItems: 1, maxItems: 50 }),
      cc: listOf({ type: "string", minLength: 3 }, "Further recipients.", { maxItems: 50 }),
      subject: text("One line. Defaults to the run and its target."),
      text: text("The message, plain text. Under `notify` it defaults to a summary of the run."),
      dryRun: truth("Render the message into the result, as evidence, and send nothing. Default false."),
    },
    ["server", "from", "to"],
  ),
  examples: [
    {
      server: "smtps://mail.example:465",
      user: "runbook",
      password: "${{ secrets.SMTP_PASSWORD }}",
      from: "Runbook <runbook@example.com>",
      to: ["oncall@example.com"],
      subject: "Restore drill: ${{ steps.compare.status }}",
      text: "The report is attached to run ${{ run.id }}.",
    },
    {
      server: "smtp://mail.example:587",
      ca: "keys/mail-ca.pem",
      from: "runbook@example.com",
      to: ["oncall@example.com"],
      cc: ["archive@example.com"],
      dryRun: true,
    },
  ],
  result: result({
    sent: truth("False for a dry run."),
    accepted: listOf({ type: "string" }, "Recipients the server took it for."),
    reply: text("The server's last reply, such as `250 2.0.0 Ok: queued as 4F2A`."),
    messageId: text("The message's own id, the same when a step sends it again."),
    message: text("The message as it was or would be sent, masked."),
  }),
  secretFields: ["password"],
  fileFields: ["ca"],
  action: (spec) => ({
    text: `${spec.dryRun === true ? "render an e-mail" : "e-mail"} to ${listed(spec.to)}: ${spec.subject ?? "a summary of the run"}`,
    argv: null,
  }),
  async run(spec, host) {
    const request = requestOf(spec, host);
    const words = [spec.dryRun === true ? "render" : "send", spec.server];
    const answer = (await host.helper("mail", words, request)) as unknown as Omit<EmailResult, "messageId">;
    return { ...answer, messageId: String(request["messageId"]) };
  },
});

function requestOf(spec: EmailSpec, host: StepHost): JsonObject {
  const body = spec.text?.trim() ?? "";
  if (body === "") throw new StepFailure("fatal", "text-missing", "The e-mail is empty: give the step `text`.");
  const subject = line("subject", spec.subject ?? `Runbook ${host.run.id} on ${String(host.target["name"] ?? "")}`);
  const from = address("from", spec.from);
  const to = spec.to.map((each) => address("to", each));
  const cc = (spec.cc ?? []).map((each) => address("cc", each));
  // The same words to the same people in the same run are the same message, also when the step is repeated.
  const digest = createHash("sha256")
    .update(JSON.stringify([to, cc, subject, body]))
    .digest("hex")
    .slice(0, 16);
  return {
    server: {
      ...serverOf(spec.server),
      ca: spec.ca === undefined ? null : host.files.readSealed(spec.ca),
      user: spec.user ?? null,
      password: spec.password ?? null,
    },
    from,
    to,
    cc,
    subject,
    text: `${body}\n`,
    messageId: `${host.run.id}.${digest}@${domainOf(from)}`,
    date: host.clock.now().toISOString(),
    dryRun: spec.dryRun === true,
    timeoutMs: Math.min(maxTimerMs, Math.max(1, Math.round(host.remainingMs()))),
  };
}

/** `security`: encrypted from the first byte, before anything is said, or where the server offers it. */
function serverOf(text: string): { host: string; port: number; security: "tls" | "starttls" | "offered" } {
  const url = URL.canParse(text) ? new URL(text) : null;
  const usual = usualPort[url?.protocol ?? ""];
  if (url === null || usual === undefined || url.hostname === "" || !/^\/?$/.test(url.pathname)) {
    throw new StepFailure(
      "fatal",
      "url-invalid",
      `${JSON.stringify(text)} is no mail server. Write it as smtp://mail.example:587 or smtps://mail.example:465.`,
      { facts: { server: text } },
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new StepFailure(
      "fatal",
      "url-has-credentials",
      `The address of ${url.hostname} carries a user or password. Give them as \`user\` and \`password\`, from a secret.`,
      { facts: { host: url.hostname } },
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const security = url.protocol === "smtps:" ? "tls" : isThisMachine(host) ? "offered" : "starttls";
  return { host, port: url.port === "" ? usual : Number(url.port), security };
}

/** One line. A line break here would start a header of somebody else's choice (CWE-93). */
function line(field: string, value: string): string {
  if (!/[\r\n\0\u2028\u2029]/.test(value)) return value;
  throw new StepFailure(
    "fatal",
    "header-injection",
    `${field} holds a line break, which would start another header. It was not sent.`,
    {
      facts: { field },
    },
  );
}

/** One address: a list in one text would reach people nobody sees in the plan. */
function address(field: string, value: string): string {
  const text = line(field, value).trim();
  const found = /^(?:(?:"[^"\\<>]*"|[^"<>,;:@]*)\s*<([^<>]+)>|([^<>]+))$/.exec(text);
  const plain = found?.[1] ?? found?.[2] ?? "";
  if (/^[^\s@<>(),;:"[\]\\]+@[^\s@<>(),;:"[\]\\]+$/.test(plain)) return text;
  throw new StepFailure("fatal", "address-invalid", `${field}: ${JSON.stringify(value)} is not one e-mail address.`, {
    facts: { field, value },
  });
}

function domainOf(from: string): string {
  return from.slice(from.lastIndexOf("@") + 1).replace(/>\s*$/, "");
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function listed(list: unknown): string {
  return Array.isArray(list) ? list.join(", ") : String(list);
}
