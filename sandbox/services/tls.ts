import type { Service } from "./service.ts";

/**
 * The HTTPS side of the first app, `https://localhost:PORT` (`tls-front.ts`): its states are what can be wrong with its
 * certificate, its protocol, or the way from plain HTTP to it. Over HTTP it has nothing to say.
 */
export const tls: Service = {
  secrets: [],
  states: ["ok", "expiring", "expired", "wrong-name", "self-signed", "tls-1.1", "no-redirect"],
  answer: () => ({ status: 404, body: "this stand-in answers over TLS; `status` shows its port\n" }),
};
