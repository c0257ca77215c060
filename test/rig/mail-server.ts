/** A real SMTP server (npm `smtp-server`) on a free loopback port that keeps what it takes and refuses what a test says. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { Certificate } from "./certificates.ts";

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
  readonly encrypted: boolean;
  readonly user: string | null;
}

export interface MailServer {
  readonly port: number;
  readonly taken: readonly TakenMail[];
  end(): Promise<void>;
}

export interface MailServerOptions {
  readonly certificate?: Certificate;
  /** TLS from the first byte. */
  readonly tls?: boolean;
  readonly login?: { readonly user: string; readonly password: string };
  /** Reply by recipient, instead of taking it; `DATA` answers the message itself. */
  readonly refuse?: Readonly<Record<string, { readonly code: number; readonly text: string }>>;
}

export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const { certificate, login, refuse = {} } = options;
  const taken: TakenMail[] = [];
  const refusal = (name: string) => {
    const found = refuse[name];
    return found === undefined ? null : Object.assign(new Error(found.text), { responseCode: found.code });
  };
  const settings: SMTPServerOptions = {
    secure: options.tls === true,
    ...(certificate === undefined ? { disabledCommands: ["STARTTLS"] } : certificate),
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth(auth, _session, done) {
      const right = auth.username === login?.user && auth.password === login?.password;
      done(right ? null : Object.assign(new Error("who are you"), { responseCode: 535 }), { user: auth.username });
    },
    onRcptTo(address, _session, done) {
      done(refusal(address.address));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const problem = refusal("DATA");
        if (problem !== null) return done(problem);
        const { mailFrom, rcptTo } = session.envelope;
        taken.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map((each) => each.address),
          message: Buffer.concat(chunks).toString("utf8").replaceAll("\r\n", "\n"),
          encrypted: session.secure,
          user: (session.user as string | undefined) ?? null,
        });
        done(null, "OK: queued as 4F2A");
      });
    },
  };
  const server = new SMTPServer(settings);
  // A client that does not trust the certificate hangs up; that is its test, not an error here.
  server.on("error", () => {});
  const inner = server.listen(0, "127.0.0.1");
  if (!inner.listening) await once(inner, "listening");
  return {
    port: (inner.address() as AddressInfo).port,
    taken,
    end: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
