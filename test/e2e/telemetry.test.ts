/** The trace of a run at a collector on loopback: what it gets, and that nothing it does changes a result. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { type Answer, type LoopbackServer, loopbackServer } from "../rig/loopback-server.ts";

const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/formats/otlp-traces.schema.json"), "utf8"),
);
const hasShape = new Ajv2020({ strict: false }).compile(schema);
const secret = "tq9-otel-secret-Zr4";

let rig: CliRig;
let collector: LoopbackServer | null = null;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.runbook("traced", {
    secrets: ["TOKEN"],
    steps: [
      {
        id: "look",
        title: "Look",
        uses: "script",
        effects: "read",
        env: { TOKEN: "${{ secrets.TOKEN }}" },
        with: { script: 'echo "$TOKEN"' },
        verify: [{ that: 'result.stdout == "never"', message: "it said ${{ result.stdout }}" }],
      },
    ],
  });
});
afterAll(() => rig.end());
afterEach(async () => {
  await collector?.close();
  collector = null;
});

async function runAgainst(answer: Answer, env: Record<string, string> = {}) {
  collector = await loopbackServer(answer);
  return await run({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/otel/`, ...env });
}
const run = (env: Record<string, string>) =>
  rig.json(["run", "traced"], { env: { RUNBOOK_SECRET_TOKEN: secret, ...env } });

test("a collector gets one masked trace with the configured headers", async () => {
  const { code, document } = await runAgainst((_, response) => response.end("{}"), {
    OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20b,x-other=2",
  });
  expect(code).toBe(1);
  expect(collector?.received).toHaveLength(1);
  const [request] = collector?.received ?? [];
  expect(request).toMatchObject({ method: "POST", url: "/otel/v1/traces" });
  expect(request?.headers).toMatchObject({ "content-type": "application/json", "api-key": "a b", "x-other": "2" });
  const body = JSON.parse(request?.body ?? "");
  expect(hasShape(body), JSON.stringify(hasShape.errors)).toBe(true);
  expect(request?.body).toContain(document.run);
  expect(request?.body).toContain("it said ***");
  expect(request?.body).not.toContain(secret);
  expect(rig.file(document.run, "executor.log")).not.toContain("trace was not");
});

test.each<[string, Answer, Record<string, string>, string]>([
  ["answers 503", (_, response) => response.writeHead(503).end(), {}, "answered 503"],
  ["hangs up", (_, response) => response.destroy(), {}, "the trace was not sent to"],
  ["never answers", () => {}, { OTEL_EXPORTER_OTLP_TIMEOUT: "200" }, "the trace was not sent to"],
  ["should be spoken to in protobuf", () => {}, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "only http/json is spoken"],
])("a collector that %s changes nothing but the log", async (_, answer, env, told) => {
  const { code, document } = await runAgainst(answer, {
    OTEL_EXPORTER_OTLP_HEADERS: "api-key=k3y-of-collector",
    ...env,
  });
  expect([code, document.result]).toEqual([1, "failed"]);
  expect(await rig.problems(document.run)).toEqual([]);
  const log = rig.file(document.run, "executor.log");
  expect(log).toContain(told);
  expect(log).not.toContain("k3y-of-collector");
});

test("nobody at the address, or no address at all, is the same", async () => {
  const closed = await loopbackServer(() => {});
  await closed.close();
  for (const endpoint of [closed.url, "no address"]) {
    const { code, document } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    expect(code).toBe(1);
    expect(rig.file(document.run, "executor.log")).toContain("the trace was not sent to");
  }
});

test("without a collector, or switched off, nothing is sent", async () => {
  const { document } = await runAgainst(() => {}, { OTEL_SDK_DISABLED: "true" });
  expect(collector?.received).toHaveLength(0);
  expect(rig.file(document.run, "executor.log")).not.toContain("trace");
});

test("resume writes the reports that are asked for, CTRF among them", async () => {
  const { document } = await run({});
  const resumed = await rig.run(["resume", document.run, "--report", "ctrf=out/ctrf.json", "--no-input"], {
    env: { RUNBOOK_SECRET_TOKEN: secret },
  });
  expect(resumed.code).toBe(1);
  const report = JSON.parse(readFileSync(join(rig.project, "out/ctrf.json"), "utf8"));
  expect(report).toMatchObject({ reportFormat: "CTRF", extra: { run: document.run, result: "failed" } });
  const wrong = await rig.run(["resume", document.run, "--report", "ctfr"]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('Did you mean "ctrf"?')]);
});
