/** Whether something listens on a port. */
import { connectTcp } from "./probes.ts";
import { choice, closed, decimal, nullable, result, text, truth, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface TcpSpec {
  readonly host: string;
  readonly port: number;
  readonly expect?: "open" | "closed";
}

interface TcpResult {
  readonly open: boolean;
  readonly address: string | null;
  readonly durationMs: number | null;
}

export const tcp = defineStepType<TcpSpec, TcpResult>({
  type: "tcp",
  summary:
    "Opens a TCP connection and closes it. Fails when nobody listens, or with `expect: closed` when somebody does.",
  docs: "https://www.rfc-editor.org/rfc/rfc9293",
  effects: "read",
  timeoutMs: 10_000,
  input: closed(
    {
      host: text("Name or address.", { minLength: 1 }),
      port: whole("Port.", { minimum: 1, maximum: 65_535 }),
      expect: choice("What is right, default `open`.", {
        open: "A connection can be made (default).",
        closed: "Only a refused connection is right.",
      }),
    },
    ["host", "port"],
  ),
  examples: [
    { host: "db.shop.example", port: 5432 },
    { host: "db.shop.example", port: 6379, expect: "closed" },
  ],
  result: result({
    open: truth("Whether the connection was accepted."),
    address: nullable(text("Address that answered; null when it was refused.")),
    durationMs: nullable(decimal("Milliseconds until it was accepted; null when it was refused.")),
  }),
  action: (spec) => ({
    text: `connect to ${spec.host}:${spec.port}${spec.expect === "closed" ? ", which must be refused" : ""}`,
    argv: null,
  }),
  async run(spec, host) {
    const place = `${spec.host}:${spec.port}`;
    try {
      const { address, durationMs } = await connectTcp(spec.host, spec.port, host.signal);
      if (spec.expect === "closed") {
        throw new StepFailure("failed", "port-open", `${place} accepts connections, but it should be closed.`, {
          facts: { host: spec.host, port: spec.port, address },
          result: { open: true, address, durationMs },
        });
      }
      return { open: true, address, durationMs };
    } catch (error) {
      // Only a refusal proves that nobody listens; silence may be a lost packet.
      if (spec.expect === "closed" && error instanceof StepFailure && error.reason === "connection-refused") {
        return { open: false, address: null, durationMs: null };
      }
      throw error;
    }
  },
});
