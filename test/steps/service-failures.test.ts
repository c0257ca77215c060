/**
 * Every failure of the real contracts, for every step type that asks a service over HTTP. The failing request meets a real
 * socket; the requests around it meet the sandbox's stand-in. A row is one request of a step: the first it makes, or the
 * one that changes something.
 */
import { afterEach, describe, expect, test } from "vitest";
import { alertmanager } from "../../sandbox/services/alertmanager.ts";
import type { GithubState } from "../../sandbox/services/github/state.ts";
import { github } from "../../sandbox/services/github.ts";
import { mcp as mcpService } from "../../sandbox/services/mcp.ts";
import { pagerduty as pagerdutyService } from "../../sandbox/services/pagerduty.ts";
import type { Service } from "../../sandbox/services/service.ts";
import { vault } from "../../sandbox/services/vault.ts";
import { exchange } from "../../src/host/http.ts";
import { catalogue } from "../../src/steps/index.ts";
import { StepFailure, type StepHost } from "../../src/steps/step-type.ts";
import { createMasker } from "../../src/util/mask/masker.ts";
import {
  type Fault,
  halfClosed,
  limited,
  limitedBlindly,
  limitedForAnHour,
  logInPage,
  quoting,
  slow,
  unavailable,
} from "../rig/faults.ts";
import { type ServiceServer, serviceServer } from "../rig/service-server.ts";
import { failureOf, type RigHost, type RigOptions, rigHost, runStep } from "../rig/step-host.ts";

const secret = "s3cr3t-value-of-the-step-4f1c9a7e";
const sha = "4f1c9a7e4f1c9a7e4f1c9a7e4f1c9a7e4f1c9a7e";
const minute = "2026-11-20T18:00:00Z";

/** Prometheus and Slack have no stand-in: one is real, the other says one word. */
const prometheusService: Service = {
  secrets: [],
  states: ["ok"],
  answer: () => ({
    status: 200,
    body: { status: "success", data: { resultType: "vector", result: [{ metric: {}, value: [1, "1"] }] } },
  }),
};
const slackService: Service = { secrets: [], states: ["ok"], answer: () => ({ status: 200, body: "ok" }) };

interface Row {
  readonly type: string;
  readonly service: Service;
  readonly state?: string;
  /** The request that fails. */
  readonly on: RegExp;
  readonly with: (url: string) => object;
  /** It changes something, so that it is not sent twice when nobody knows whether it counted. */
  readonly change?: boolean;
  /** A change that sent twice does no more than once, and therefore may be. */
  readonly idempotent?: boolean;
  /** What was sent may have counted: no retry of any author may send it again. */
  readonly unsure?: boolean;
  readonly attemptMs?: number;
  readonly prepare?: (vendor: ServiceServer) => void;
}

const repository = (url: string) => ({ api: url, repository: "shop/web", token: secret });
const oneRun = (vendor: ServiceServer) => {
  (vendor.data as GithubState).runs.push({
    id: 7,
    workflow: "deploy.yml",
    ref: "main",
    title: "Deploy",
    createdAt: minute,
    inputs: {},
    asked: 0,
    review: null,
  });
};
const oneDeployment = (vendor: ServiceServer) => {
  (vendor.data as GithubState).deployments.push({
    id: 7,
    ref: sha,
    environment: "production",
    task: "deploy",
    description: "",
    payload: "",
    createdAt: minute,
    statuses: [],
  });
};
const oneSecret = (vendor: ServiceServer) => {
  (vendor.data as GithubState).secrets["repository"] = { NEW: { sealed: "", createdAt: minute, updatedAt: minute } };
};
const oneSilence = (vendor: ServiceServer) => {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  vendor.data = [
    {
      id: "6f2b3c1e-0000-4000-8000-4f1c9a7e0000",
      matchers: [{ name: "app", value: "shop", isRegex: false, isEqual: true }],
      startsAt: at(-1),
      endsAt: at(1),
      updatedAt: at(-1),
      createdBy: "operator@example",
      comment: "change by runbook [rb-7f3k2m]",
    },
  ];
};

const hub = { service: github } as const;
const rows: readonly Row[] = [
  {
    ...hub,
    type: "github/checks",
    on: /^GET .*check-runs/,
    with: (url) => ({ ...repository(url), sha, required: ["test"] }),
  },
  { ...hub, type: "github/environments", on: /^GET .*environments/, with: repository },
  {
    ...hub,
    type: "github/pending-deployments",
    prepare: oneRun,
    on: /^GET .*pending_deployments/,
    with: (url) => ({ ...repository(url), run: 7 }),
  },
  { ...hub, type: "github/secret-alerts", on: /^GET .*alerts/, with: repository },
  { ...hub, type: "github/secrets", on: /^GET .*secrets/, with: repository },
  {
    ...hub,
    type: "github/usage",
    on: /^GET .*runs/,
    with: (url) => ({ ...repository(url), workflows: ["deploy.yml"], within: "1d" }),
  },
  {
    ...hub,
    type: "github/workflow-run",
    on: /^GET .*runs/,
    with: (url) => ({ ...repository(url), workflow: "deploy.yml" }),
  },
  {
    ...hub,
    type: "github/workflow",
    change: true,
    on: /^POST .*dispatches/,
    with: (url) => ({ ...repository(url), workflow: "deploy.yml", ref: "main", wait: false }),
  },
  {
    ...hub,
    type: "github/deployment",
    change: true,
    on: /^POST .*deployments/,
    with: (url) => ({ ...repository(url), ref: sha, environment: "production" }),
  },
  {
    ...hub,
    type: "github/deployment-status",
    change: true,
    prepare: oneDeployment,
    on: /^POST .*statuses/,
    with: (url) => ({ ...repository(url), deployment: 7, state: "success" }),
  },
  {
    ...hub,
    type: "github/review-deployments",
    change: true,
    state: "review-required",
    prepare: oneRun,
    on: /^POST .*pending_deployments/,
    with: (url) => ({
      ...repository(url),
      run: 7,
      environments: ["production"],
      state: "approved",
      comment: "rehearsed",
    }),
  },
  {
    ...hub,
    type: "github/secrets-set",
    change: true,
    idempotent: true,
    on: /^PUT /,
    with: (url) => ({ ...repository(url), values: { API_KEY: secret } }),
  },
  {
    ...hub,
    type: "github/secrets-restore",
    change: true,
    idempotent: true,
    prepare: oneSecret,
    on: /^DELETE /,
    with: (url) => ({ ...repository(url), names: ["NEW"], before: [] }),
  },
  {
    type: "prometheus",
    service: prometheusService,
    on: /^GET /,
    with: (url) => ({ url, query: "up", headers: { authorization: secret } }),
  },
  {
    type: "prometheus",
    service: prometheusService,
    on: /^POST /,
    with: (url) => ({ url, query: `up{job=~"${"x|".repeat(2_000)}y"}`, headers: { authorization: secret } }),
  },
  {
    type: "alertmanager/silence",
    service: alertmanager,
    on: /^GET .*silences/,
    with: (url) => ({ url, expire: true, headers: { authorization: secret } }),
  },
  {
    type: "alertmanager/silence",
    service: alertmanager,
    change: true,
    on: /^POST /,
    with: (url) => ({ url, matchers: ["app=shop"], duration: "1h", headers: { authorization: secret } }),
  },
  {
    type: "alertmanager/silence",
    service: alertmanager,
    change: true,
    prepare: oneSilence,
    on: /^DELETE /,
    with: (url) => ({ url, expire: true, headers: { authorization: secret } }),
  },
  {
    type: "pagerduty",
    service: pagerdutyService,
    change: true,
    on: /^POST /,
    with: (url) => ({ url: `${url}/v2/enqueue`, routingKey: secret, text: "it failed" }),
  },
  {
    type: "slack",
    service: slackService,
    change: true,
    unsure: true,
    on: /^POST /,
    with: (url) => ({ webhook: `${url}/services/${secret}`, text: "it failed" }),
  },
  {
    type: "secrets/inventory",
    service: vault,
    on: /^GET .*subkeys/,
    with: (url) => ({ vault: { address: url, path: "shop" }, token: secret }),
  },
  {
    type: "mcp",
    service: mcpService,
    change: true,
    on: /^POST .*"tools\/call"/s,
    // It leaves itself three seconds for ending the session.
    attemptMs: 3_000,
    with: (url) => ({
      url: `${url}/mcp`,
      headers: { authorization: `Bearer ${secret}` },
      tool: "query_support",
      arguments: { question: "returns" },
    }),
  },
];

/** One for each run: a request that comes late meets nobody else's. */
let vendor: ServiceServer | undefined;
afterEach(async () => {
  await vendor?.close();
  vendor = undefined;
});

const masker = createMasker([{ name: "SECRET", value: secret }]);

/** A host whose HTTP is the real one; what comes back is masked where the runner and the supervisor mask it. */
function hostOf(options: RigOptions): RigHost {
  const rig = rigHost(options);
  const http: StepHost["http"] = async (request) => {
    const answer = await exchange(request, rig.remainingMs(), rig.signal);
    return { ...answer, headers: masker.json(answer.headers), body: masker.text(answer.body) };
  };
  const helper: StepHost["helper"] = async (...asked) => {
    try {
      return masker.json(await rig.helper(...asked));
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      const { class: failureClass, reason, message, facts, result } = error;
      throw new StepFailure(failureClass, reason, masker.text(message), masker.json({ facts, result }));
    }
  };
  return { ...rig, effects: "write", http, helper };
}

/** One run of the row's step whose request meets the fault `times` times. */
async function meeting(row: Row, fault: Fault, { times = Number.POSITIVE_INFINITY, attemptMs = 60_000 } = {}) {
  const type = catalogue.get(row.type);
  if (type === undefined) throw new Error(`${row.type} is not known`);
  await vendor?.close();
  vendor = await serviceServer(row.service, null, { secret });
  vendor.state = row.state ?? row.service.states[0];
  row.prepare?.(vendor);
  let asked = 0;
  vendor.fault = ({ method, url, body }, response) => {
    if (!row.on.test(`${method} ${url} ${body}`) || ++asked > times) return false;
    fault(response);
    return true;
  };
  const host = hostOf({ attemptMs: attemptMs + (row.attemptMs ?? 0), now: minute });
  const spec = row.with(vendor.url);
  return {
    asked: () => asked,
    host,
    succeeds: () => runStep(type, spec, host),
    async fails(): Promise<StepFailure> {
      const failure = await failureOf(type, spec, host);
      const told = JSON.stringify([failure.message, failure.facts, failure.result ?? null]);
      // Slack's secret is the address itself, which only the runner's masker takes out.
      expect(row.type === "slack" ? masker.text(told) : told).not.toContain(secret);
      return failure;
    },
  };
}

describe.each(rows.map((row) => [`${row.type} ${row.on.source}`, row] as const))("%s", (_, row) => {
  test("429 with Retry-After is waited for, and the request sent again", async () => {
    const run = await meeting(row, limited, { times: 1 });
    await run.succeeds();
    expect(run.host.sleeps[0]).toBe(7_000);
    expect(run.asked()).toBe(2);
  });

  test("429 for longer than the attempt, and without a time, may be tried again later", async () => {
    for (const fault of [limitedForAnHour, limitedBlindly]) {
      const run = await meeting(row, fault);
      expect(await run.fails()).toMatchObject({ class: "transient", message: expect.stringMatching(/429|slow down/) });
      expect(run.host.sleeps).toEqual([]);
      expect(run.asked()).toBe(1);
    }
  });

  test.each(Object.entries(unavailable))("%s may pass, and a change is not sent again", async (_, fault) => {
    const run = await meeting(row, fault);
    expect(await run.fails()).toMatchObject({ class: row.unsure ? "fatal" : "transient" });
    if (row.change === true && row.idempotent !== true) expect(run.asked()).toBe(1);
  });

  test.each(Object.entries(halfClosed))("%s may pass, and not sent again", async (_, fault) => {
    const run = await meeting(row, fault);
    expect(await run.fails()).toMatchObject({ class: row.unsure ? "fatal" : "transient" });
    expect(run.asked()).toBe(1);
  });

  test.each(Object.entries(slow))("%s ends with the attempt", async (_, fault) => {
    const run = await meeting(row, fault, { attemptMs: 30 });
    expect(await run.fails()).toMatchObject({ class: row.unsure ? "fatal" : "timeout" });
    expect(run.asked()).toBeLessThanOrEqual(1);
  });

  test("a log-in page with 200 is told as what it is", async () => {
    const run = await meeting(row, logInPage);
    expect(await run.fails()).toMatchObject({ class: "failed", message: expect.stringMatching(/html/i) });
    expect(run.asked()).toBe(1);
  });

  test("a refusal that quotes the secret does not put it into the message", async () => {
    expect((await (await meeting(row, quoting(secret))).fails()).class).toMatch(/^(failed|fatal)$/);
  });
});

test("mcp: a tool that says isError has failed", async () => {
  const row = rows.find(({ type }) => type === "mcp") as Row;
  const run = await meeting({ ...row, state: "tool-failing" }, limited, { times: 0 });
  expect(await run.fails()).toMatchObject({ class: "failed", reason: "tool-failed" });
});

test("every step type that asks over HTTP is in the table", () => {
  // `http` and `sample` give the answer as it is, whatever it is: their `verify` judges.
  const asking = [...catalogue.keys()].filter((type) =>
    /^(github\/|alertmanager\/|prometheus|pagerduty|slack|mcp)/.test(type),
  );
  expect(new Set(rows.map(({ type }) => type))).toEqual(new Set([...asking, "secrets/inventory"]));
});
