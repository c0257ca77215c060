/** DNS records of a name. */
import { resolveName } from "./probes.ts";
import { closed, listOf, result, text } from "./schema.ts";
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
      type: text("Type of the records, default `A`.", {
        enum: ["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "CAA", "PTR"],
      }),
      server: text("Server to ask, an address with an optional port. Default: the system's."),
      expect: text("`present` (default), or `absent`: then only an answer without records is right.", {
        enum: ["present", "absent"],
      }),
    },
    ["name"],
  ),
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
