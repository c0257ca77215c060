/** DNS records of a name. */
import { resolveName } from "./probes.ts";
import { choice, closed, listOf, result, text } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface DnsSpec {
  readonly name: string;
  readonly type?: string;
  readonly server?: string;
  readonly expect?: "present" | "absent";
}

export const dns = defineStepType<DnsSpec, { readonly records: readonly string[] }>({
  type: "dns",
  summary:
    "Asks the DNS for the records of a name. Fails when there are none, or with `expect: absent` when there are.",
  docs: "https://www.rfc-editor.org/rfc/rfc1035",
  effects: "read",
  timeoutMs: 20_000,
  input: closed(
    {
      name: text("Name to look up.", { minLength: 1 }),
      type: choice("Type of the records, default `A`.", {
        A: "IPv4 addresses (default).",
        AAAA: "IPv6 addresses.",
        CNAME: "The name this one stands for.",
        MX: "Mail servers.",
        NS: "Name servers of the zone.",
        TXT: "Texts, such as SPF and proofs of ownership.",
        SRV: "Host and port of a service.",
        CAA: "Who may issue certificates.",
        PTR: "The name of an address.",
      }),
      server: text("Server to ask, an address with an optional port. Default: the system's."),
      expect: choice("What is right, default `present`.", {
        present: "There are records (default).",
        absent: "Only an answer without records.",
      }),
    },
    ["name"],
  ),
  examples: [
    { name: "shop.example", type: "CNAME" },
    { name: "old.shop.example", server: "1.1.1.1", expect: "absent" },
  ],
  result: result({
    records: listOf({ type: "string" }, "Values as zone files write them (`10 mx.shop.example`), sorted."),
  }),
  action: (spec) => ({
    text: `look up ${spec.type ?? "A"} of ${spec.name}${spec.server === undefined ? "" : ` at ${spec.server}`}`,
    argv: null,
  }),
  async run(spec, host) {
    const type = spec.type ?? "A";
    const server = serverAddress(spec.server);
    const records = await resolveName(spec.name, type, server, host.signal);
    const expected = (spec.expect ?? "present") === "present";
    if (records.length > 0 === expected) return { records };
    throw new StepFailure(
      "failed",
      expected ? "no-records" : "records-found",
      expected
        ? `${spec.name} has no ${type} records.`
        : `${spec.name} has ${type} records, but should have none: ${records.join(", ")}.`,
      { facts: { name: spec.name, type, records }, result: { records } },
    );
  },
});

function serverAddress(server: string | undefined): string | null {
  if (server === undefined) return null;
  if (/^(\d+(\.\d+){3}|\[[\da-f:]+\])(:\d+)?$|^[\da-f:]+$/i.test(server)) return server;
  throw new StepFailure(
    "fatal",
    "server-invalid",
    `${JSON.stringify(server)} is not the address of a DNS server. Write an IP address, with a port if need be: 192.0.2.53:5353.`,
    { facts: { server } },
  );
}
