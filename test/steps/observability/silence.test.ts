import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { services } from "../../../sandbox/services/index.ts";
import { alertmanagerSilence } from "../../../src/steps/alertmanager/silence.ts";
import type { HttpRequest, HttpResponse, StepHost } from "../../../src/steps/step-type.ts";
import { type LoopbackServer, loopbackServer } from "../../rig/loopback-server.ts";
import { describeWith, type RealServer, startAlertmanager } from "../../rig/monitoring.ts";
import { failureOf, rigHost, runStep, schemaErrors } from "../../rig/step-host.ts";

const contract = join(import.meta.dirname, "../../fixtures/contracts/alertmanager-v2.openapi.yaml");
const { definitions } = parse(readFileSync(contract, "utf8")) as { definitions: object };
const ajv = new Ajv({ strict: false, allErrors: true, formats: { "date-time": true, uri: true, uuid: true } });
ajv.addSchema({ $id: "alertmanager", definitions });

function against(definition: string, value: unknown): string[] {
  const validate = ajv.getSchema(`alertmanager#/definitions/${definition}`);
  if (validate === undefined) throw new Error(`${definition} is not in the contract`);
  validate(value);
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

/** A host that keeps what was said, for the contract; at the wall clock, as Alertmanager judges times by its own. */
function hostOf(runId = "rb-7f3k2m"): { host: StepHost; said: { request: HttpRequest; answer: HttpResponse }[] } {
  const said: { request: HttpRequest; answer: HttpResponse }[] = [];
  const rig = rigHost({ now: new Date().toISOString() });
  const http = async (request: HttpRequest) => {
    const answer = await rig.http(request);
    said.push({ request, answer });
    return answer;
  };
  return { host: { ...rig, run: { ...rig.run, id: runId }, effects: "write", http }, said };
}

interface Listed {
  readonly id: string;
  readonly status: { readonly state: string };
  readonly comment: string;
  readonly endsAt: string;
}

/** The same tests against the real program and against the sandbox's stand-in: what holds for one holds for the other. */
function suite(urlOf: () => string, real: boolean): void {
  const matchers = ['app="shop"', "severity=~warning|error", 'team!=""'];
  const make = (runId: string, more = {}) =>
    runStep(
      alertmanagerSilence,
      { url: urlOf(), matchers, duration: "10m", comment: "deploy", ...more },
      hostOf(runId).host,
    );
  const end = (runId: string, more = {}) =>
    runStep(alertmanagerSilence, { url: `${urlOf()}/`, expire: true, ...more }, hostOf(runId).host);
  const list = async (runId: string) =>
    ((await (await fetch(`${urlOf()}/api/v2/silences`)).json()) as Listed[]).filter((each) =>
      each.comment.includes(runId),
    );

  test("is active until its end, and is ended by the run that made it", async () => {
    const made = await make("rb-one");
    expect(made).toMatchObject({ state: "active", found: false, expired: 0 });
    const leftMs = Date.parse(made.endsAt) - Date.now();
    expect(leftMs).toBeGreaterThan(9 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(10 * 60_000);
    expect(await end("rb-other")).toMatchObject({ id: "", expired: 0 });
    expect((await list("rb-one")).map((each) => each.status.state)).toEqual(["active"]);
    expect(await end("rb-one")).toMatchObject({ id: made.id, state: "expired", expired: 1 });
    expect((await list("rb-one")).map((each) => each.status.state)).toEqual(["expired"]);
    expect(await end("rb-one")).toMatchObject({ expired: 0 });
  });

  test("made twice by one run it is one silence, prolonged when it would end too early", async () => {
    const first = await make("rb-two");
    expect(await make("rb-two", { duration: "5m" })).toEqual({ ...first, found: true });
    const longer = await make("rb-two", { duration: "30m" });
    expect(longer).toMatchObject({ id: first.id, found: true, state: "active" });
    expect(Date.parse(longer.endsAt) - Date.parse(first.endsAt)).toBeGreaterThan(19 * 60_000);
    expect(await list("rb-two")).toHaveLength(1);
  });

  test("another matcher is another silence, and can be ended alone", async () => {
    await make("rb-three");
    await make("rb-three", { matchers: ["app=checkout"] });
    expect(await end("rb-three", { matchers: ['app="checkout"'] })).toMatchObject({ expired: 1 });
    expect((await list("rb-three")).map((each) => each.status.state).sort()).toEqual(["active", "expired"]);
    expect(await end("rb-three")).toMatchObject({ expired: 1 });
  });

  test("requests and answers are as the contract has them", async () => {
    const { host, said } = hostOf("rb-four");
    await runStep(alertmanagerSilence, { url: urlOf(), matchers, duration: "10m" }, host);
    await runStep(alertmanagerSilence, { url: urlOf(), expire: true }, host);
    // Version 0.25 does not know the annotations that the contract of today requires.
    const allowed = (errors: string[]) =>
      errors.filter((error) => !error.endsWith("must have required property 'annotations'"));
    const seen = said.map(({ request, answer }) => {
      const path = new URL(request.url).pathname;
      if (request.method === "POST") {
        expect(against("postableSilence", JSON.parse(request.body ?? ""))).toEqual([]);
        expect(JSON.parse(answer.body)).toEqual({ silenceID: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      } else if (request.method === "GET") {
        const definition = path.endsWith("/silences") ? "gettableSilences" : "gettableSilence";
        expect(allowed(against(definition, JSON.parse(answer.body)))).toEqual([]);
      }
      return `${request.method} ${path.replace(/[0-9a-f-]{36}$/, "ID")} ${request.effects ?? "write"}`;
    });
    expect(seen).toEqual([
      "GET /api/v2/silences read",
      "POST /api/v2/silences write",
      "GET /api/v2/silence/ID read",
      "GET /api/v2/silences read",
      "DELETE /api/v2/silence/ID write",
    ]);
    expect(against("gettableSilences", [{}])).not.toEqual([]);
  });

  test("what Alertmanager refuses is told in its words", async () => {
    const spec = { url: urlOf(), matchers: ["app=~["], duration: "1m" };
    const failure = await failureOf(alertmanagerSilence, spec, hostOf().host);
    expect(failure).toMatchObject({ class: "failed", reason: "alertmanager-refused", facts: { status: 400 } });
    expect(failure.message).toContain("invalid regular expression");
  });

  test("a clock of ours that is wrong shortens no silence: the other side's counts", async () => {
    const late = rigHost({ now: "2020-01-01T00:00:00Z" });
    const host = { ...late, run: { ...late.run, id: "rb-late" }, effects: "write" as const };
    const made = await runStep(alertmanagerSilence, { url: urlOf(), matchers, duration: "10m" }, host);
    expect(made.state).toBe("active");
    expect(Date.parse(made.endsAt) - Date.now()).toBeGreaterThan(9 * 60_000);
    await end("rb-late");
  });

  test("a base URL with a path is kept", async () => {
    const failure = await failureOf(alertmanagerSilence, { url: `${urlOf()}/nowhere`, expire: true }, hostOf().host);
    expect(failure).toMatchObject({ class: "failed", facts: { status: 404 } });
  });

  if (real) {
    test("amtool sees the same", async () => {
      await make("rb-five");
      const text = execFileSync(
        "amtool",
        ["silence", "query", `--alertmanager.url=${urlOf()}`, "-o", "json", "app=shop"],
        {
          encoding: "utf8",
        },
      );
      expect((JSON.parse(text) as Listed[]).filter((each) => each.comment.includes("rb-five"))).toHaveLength(1);
      await end("rb-five");
    });
  }
}

describeWith(["prometheus-alertmanager", "amtool"], "alertmanager/silence, against a real Alertmanager", () => {
  let server: RealServer;
  beforeAll(async () => {
    server = await startAlertmanager();
  });
  afterAll(() => server?.end());
  suite(() => server.url, true);
});

describe("alertmanager/silence, against the sandbox's stand-in", () => {
  let server: LoopbackServer;
  let data: unknown = [];
  beforeAll(async () => {
    server = await loopbackServer((request, response) => {
      const url = new URL(request.url, "http://x");
      const call = {
        ...request,
        path: url.pathname,
        query: url.searchParams,
        base: "",
        home: "",
        apps: {},
        state: "ok",
        secrets: {},
        data,
      };
      const answer = services.alertmanager.answer(call) as { status: number; headers?: object; body: unknown };
      data = call.data;
      response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
      response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
  });
  afterAll(() => server?.close());
  suite(() => server.url, false);
});

describe("alertmanager/silence, when it must not or cannot", () => {
  let server: LoopbackServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  test.each([
    ["everything", ["app=~.*"], "silences-everything"],
    ["everything but one", ['app!="shop"'], "silences-everything"],
    ["what is no matcher", ["app"], "matcher-invalid"],
    ["a label with a blank", ['my app="shop"'], "matcher-invalid"],
  ])("refuses to silence %s", async (_, matchers, reason) => {
    server = await loopbackServer((_request, response) => response.end("[]"));
    const spec = { url: server.url, matchers, duration: "1m" };
    expect(await failureOf(alertmanagerSilence, spec, hostOf().host)).toMatchObject({ class: "fatal", reason });
    expect(server.received.filter((request) => request.method !== "GET")).toEqual([]);
  });

  test.each([
    [503, "<html>down</html>", "transient", "alertmanager-refused"],
    [200, "<html>Log in</html>", "failed", "answer-not-understood"],
    [200, '[{"id":"x"}]', "failed", "answer-not-understood"],
  ])("an answer of %i %s is judged", async (status, body, failureClass, reason) => {
    server = await loopbackServer((_, response) => {
      response.writeHead(status);
      response.end(body);
    });
    const failure = await failureOf(alertmanagerSilence, { url: server.url, expire: true }, hostOf().host);
    expect(failure).toMatchObject({ class: failureClass, reason });
  });

  test("the schema wants an end, and nothing of it when a silence is ended", () => {
    const valid = (spec: object) => schemaErrors(alertmanagerSilence.input, { url: "http://x", ...spec }).length === 0;
    expect(valid({ matchers: ["a=b"], duration: "10m" })).toBe(true);
    expect(valid({ matchers: ["a=b"] })).toBe(false);
    expect(valid({ duration: "10m" })).toBe(false);
    expect(valid({ expire: true })).toBe(true);
    expect(valid({ expire: true, duration: "10m" })).toBe(false);
  });

  test("the plan says what it does", () => {
    const at = { target: {} };
    const { action } = alertmanagerSilence;
    expect(action({ url: "http://a", matchers: ["app=shop"], duration: "10m" }, at).text).toBe(
      "silence alerts with app=shop at http://a for 10m",
    );
    expect(action({ url: "http://a", expire: true }, at).text).toBe("end this run's silences at http://a");
  });
});
