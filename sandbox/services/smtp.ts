import { createServer, type Server, type Socket } from "node:net";
import type { Service } from "./service.ts";

/** A message the sandbox's mail server took. */
export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
}

const MAX_LINE_BYTES = 64 * 1024;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * A mail server that keeps what it takes: SMTP as far as a client needs it (RFC 5321), with a login and without
 * encryption, which a client accepts from its own machine only. `target.services.smtp` is `smtp://127.0.0.1:PORT`. States:
 * `busy` answers 451 to every recipient, `refusing` 550. The states of services over HTTP do nothing here.
 */
export const smtp: Service = {
  secrets: ["SMTP_PASSWORD"],
  states: ["ok", "busy", "refusing"],
  data: [],
  answer: () => ({ status: 404, body: "this service speaks SMTP\n" }),
};

export interface MailHooks {
  readonly state: () => string;
  readonly password: () => string;
  readonly take: (mail: TakenMail) => void;
}

export function createMailServer(hooks: MailHooks): Server {
  return createServer((socket) => converse(socket, hooks));
}

function converse(socket: Socket, hooks: MailHooks): void {
  let from: string | null = null;
  let to: string[] = [];
  let message: string[] | null = null;
  let kept = "";
  const reply = (text: string) => socket.write(`${text}\r\n`);
  const reset = () => {
    [from, to, message] = [null, [], null];
  };
  const command = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase();
    const path = /^(?:MAIL FROM|RCPT TO):\s*<([^<>]*)>/i.exec(line)?.[1];
    switch (verb) {
      case "EHLO":
        reset();
        socket.write("250-sandbox\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
        return;
      case "HELO":
      case "RSET":
        reset();
        reply("250 sandbox");
        return;
      case "AUTH": {
        const [, , password] = Buffer.from(line.split(" ")[2] ?? "", "base64")
          .toString("utf8")
          .split("\0");
        reply(password === hooks.password() ? "235 2.7.0 welcome" : "535 5.7.8 who are you");
        return;
      }
      case "MAIL":
        if (path === undefined) reply("501 5.1.7 bad sender");
        else {
          reset();
          from = path;
          reply("250 2.1.0 ok");
        }
        return;
      case "RCPT":
        if (from === null) reply("503 5.5.1 who sends it?");
        else if (path === undefined || path === "") reply("501 5.1.3 bad recipient");
        else if (hooks.state() === "busy") reply("451 4.3.2 try again later");
        else if (hooks.state() === "refusing") reply("550 5.1.1 no such user");
        else {
          to.push(path);
          reply("250 2.1.5 ok");
        }
        return;
      case "DATA":
        if (from === null || to.length === 0) reply("503 5.5.1 to whom?");
        else {
          message = [];
          reply("354 end with a dot");
        }
        return;
      case "NOOP":
        reply("250 2.0.0 ok");
        return;
      case "QUIT":
        reply("221 2.0.0 bye");
        socket.end();
        return;
      default:
        reply("502 5.5.2 not known here");
    }
  };
  socket.setEncoding("utf8");
  socket.on("error", () => {});
  socket.on("data", (part: string) => {
    kept += part;
    if (kept.length > MAX_LINE_BYTES && !kept.includes("\n")) return void socket.destroy();
    for (let end = kept.indexOf("\n"); end >= 0; end = kept.indexOf("\n")) {
      const line = kept.slice(0, end).replace(/\r$/, "");
      kept = kept.slice(end + 1);
      if (message === null) command(line);
      else if (line === ".") {
        hooks.take({ from: from ?? "", to, message: message.join("\n") });
        reset();
        reply("250 2.0.0 ok: kept");
      } else {
        message.push(line.startsWith(".") ? line.slice(1) : line); // RFC 5321, 4.5.2
        if (message.length * 2 > MAX_MESSAGE_BYTES) return void socket.destroy();
      }
    }
    return undefined;
  });
  reply("220 sandbox ESMTP");
}
