/** Hands one message to an SMTP server (RFC 5321), or only renders it (RFC 5322). MIME and the dialogue are nodemailer's. */
import type SMTPTransport from "nodemailer/lib/smtp-transport/index.js";
import { StepFailure } from "../../steps/step-type.ts";
import type { JsonObject } from "../../util/json.ts";

export interface MailRequest {
  readonly server: {
    readonly host: string;
    readonly port: number;
    /** `tls` from the first byte (RFC 8314), `starttls` before anything is said, `offered`: where the server has it. */
    readonly security: "tls" | "starttls" | "offered";
    /** PEM of the only authorities to trust; null = those of the system. */
    readonly ca: string | null;
    readonly user: string | null;
    readonly password: string | null;
  };
  readonly from: string;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** Without angle brackets. */
  readonly messageId: string;
  /** RFC 3339. */
  readonly date: string;
  /** Renders and sends nothing. */
  readonly dryRun: boolean;
  readonly timeoutMs: number;
}

export interface MailAnswer {
  readonly sent: boolean;
  readonly accepted: readonly string[];
  /** The server's last reply, such as `250 2.0.0 Ok: queued as 4F2A`. */
  readonly reply: string;
  /** The message as it was or would be sent. */
  readonly message: string;
}

/** Throws `StepFailure`: `transient` for a 4xx reply or no connection, `failed` for a 5xx, a bad certificate, a bad login. */
export async function sendMail(request: MailRequest, signal: AbortSignal): Promise<MailAnswer> {
  const nodemailer = await import("nodemailer");
  const message = {
    from: request.from,
    to: [...request.to],
    cc: [...request.cc],
    subject: request.subject,
    text: request.text,
    messageId: `<${request.messageId}>`,
    date: new Date(request.date),
    headers: { "Auto-Submitted": "auto-generated" }, // RFC 3834: no out-of-office answers
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  const rendered = await nodemailer
    .createTransport({ streamTransport: true, buffer: true, newline: "unix" })
    .sendMail(message);
  const text = String(rendered.message);
  if (request.dryRun) return { sent: false, accepted: [], reply: "", message: text };
  const transport = nodemailer.createTransport(optionsOf(request));
  const stop = () => transport.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const info = await transport.sendMail(message);
    const refused = info.rejected.map(addressOf);
    if (refused.length > 0) {
      throw new StepFailure(
        "failed",
        "recipient-refused",
        `${request.server.host} took the message for ${info.accepted.map(addressOf).join(", ")} and refused ${refused.join(", ")}`,
        { facts: { refused, accepted: info.accepted.map(addressOf) } },
      );
    }
    return { sent: true, accepted: info.accepted.map(addressOf), reply: info.response, message: text };
  } catch (error) {
    if (error instanceof StepFailure) throw error;
    throw failureOf(error, request, signal.aborted);
  } finally {
    signal.removeEventListener("abort", stop);
    transport.close();
  }
}

function optionsOf({ server, timeoutMs }: MailRequest): SMTPTransport.Options {
  return {
    host: server.host,
    port: server.port,
    secure: server.security === "tls",
    requireTLS: server.security === "starttls",
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    tls: { minVersion: "TLSv1.2", ...(server.ca === null ? {} : { ca: server.ca }) },
    ...(server.user === null ? {} : { auth: { user: server.user, pass: server.password ?? "" } }),
  };
}

function addressOf(recipient: string | { readonly address: string }): string {
  return typeof recipient === "string" ? recipient : recipient.address;
}

interface MailError {
  readonly code?: string;
  readonly message?: string;
  readonly response?: string;
  readonly responseCode?: number;
  readonly command?: string;
}

/** Of Node's TLS: https://nodejs.org/docs/latest-v20.x/api/tls.html#x509-certificate-error-codes */
const certificateProblem = /certificate|CERT_|self.signed|altnames|UNABLE_TO_VERIFY|DEPTH_ZERO/i;

function failureOf(cause: unknown, { server, timeoutMs }: MailRequest, aborted: boolean): StepFailure {
  const error = cause as MailError;
  const place = `${server.host}:${server.port}`;
  const reply = error.response ?? "";
  const facts: JsonObject = { host: server.host, port: server.port, code: error.code ?? null, reply };
  const fail = (failureClass: StepFailure["class"], reason: string, message: string) =>
    new StepFailure(failureClass, reason, message, { cause, facts: { ...facts, status: error.responseCode ?? null } });
  if (aborted) return fail("timeout", "cancelled", `sending to ${place} was cancelled`);
  const status = error.responseCode;
  const text = error.message ?? String(cause);
  const failureClass = status !== undefined && status >= 400 && status < 500 ? "transient" : "failed";
  if (error.code === "ETLS") return fail(failureClass, "tls-refused", `${place} offers no STARTTLS: ${text}`);
  if (status !== undefined) {
    const reason =
      error.code === "EAUTH" ? "login-refused" : error.command === "RCPT TO" ? "recipient-refused" : "smtp-refused";
    return fail(failureClass, reason, `${place} answered ${reply}`);
  }
  if (certificateProblem.test(text))
    return fail("failed", "certificate-untrusted", `the certificate of ${place}: ${text}`);
  if (error.code === "EAUTH") return fail("failed", "login-refused", `${place} takes no such login: ${text}`);
  if (error.code === "ETIMEDOUT") {
    return fail("timeout", "timeout", `${place} did not answer within ${Math.round(timeoutMs)} ms`);
  }
  if (error.code === "EENVELOPE" || error.code === "EMESSAGE") return fail("failed", "message-invalid", text);
  return fail("transient", "connection", `no mail could be handed to ${place}: ${text}`);
}
