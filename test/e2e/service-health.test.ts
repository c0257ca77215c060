/** The health runbooks against every way their vendor can be ill: each must fail, and say how. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["chatwoot-health", "publer-health"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

type Service = "chatwoot" | "publer";

const health = (service: Service, ...inputs: string[]) =>
  rig.json(["run", `${service}-health`, "-t", "local", ...inputs.flatMap((input) => ["-i", input])]);

test.each([
  ["chatwoot", "CHATWOOT_API_TOKEN"],
  ["publer", "PUBLER_API_KEY"],
] as const)("%s is healthy: its runbook succeeds and shows no secret", async (service, name) => {
  const { code, document } = await health(service);
  expect([code, document.result]).toEqual([0, "succeeded"]);
  expect(await rig.problems(document.run)).toEqual([]);
  const secret = rig.sandbox.secrets[name] ?? "";
  expect(secret.length).toBeGreaterThan(20);
  for (const file of ["report.md", "journal.ndjson"]) expect(rig.file(document.run, file)).not.toContain(secret);
});

/** The step that meets the illness first. */
const first = { chatwoot: "chatwoot.services", publer: "me" };

interface Illness {
  readonly state: string;
  /** What each must say at its first step. */
  readonly said: RegExp;
  readonly input?: string;
}

const everywhere: readonly Illness[] = [
  { state: "down", said: /answered 503/ },
  { state: "limited", said: /answered 429/ },
  { state: "limited-blind", said: /answered 429/ },
  { state: "html", said: /not JSON/ },
  { state: "slow", said: /The answer took \d+(\.\d+)? ms/, input: "maxLatencyMs=400" },
  { state: "silent", said: /did not answer within \d{4} ms/ },
  { state: "half", said: /closed|other side|terminated|reset/i },
];

async function fails(service: Service, state: string, path: string, said: RegExp, ...inputs: string[]): Promise<void> {
  await rig.setService(service, state);
  const { code, document } = await health(service, ...inputs);
  await rig.setService(service, "ok");
  expect([code, document.result]).toEqual([1, "failed"]);
  const step = document.steps.find((each) => each.path === path);
  expect(["failed", "timed_out"]).toContain(step?.status);
  expect(JSON.stringify([step?.failure, step?.checks])).toMatch(said);
}

test.each(everywhere)("$state: both fail and say it", async ({ state, said, input }) => {
  const inputs = input === undefined ? [] : [input];
  await Promise.all([
    fails("chatwoot", state, first.chatwoot, said, ...inputs),
    fails("publer", state, first.publer, said, ...inputs),
  ]);
});

test("what only one of them can have", async () => {
  await Promise.all([
    fails("chatwoot", "queue-failing", "chatwoot.services", /Redis or the job queue fails/),
    fails("publer", "no-scope", "me", /answered 403/),
  ]);
  await Promise.all([
    fails("chatwoot", "data-failing", "chatwoot.services", /PostgreSQL fails/),
    fails("publer", "no-accounts", "accounts", /The workspace has 0 accounts/),
  ]);
  await fails("publer", "reconnect", "accounts", /To be connected again: .*Shop/);
});

test("the paths and the expected body are the operator's: another one is asked for, and fails by itself", async () => {
  const [body, path] = await Promise.all([
    health("chatwoot", "healthBody=ok"),
    health("publer", "accountsPath=/social_accounts"),
  ]);
  expect([body.code, path.code]).toEqual([1, 1]);
  expect(body.document.steps.filter((step) => step.status === "failed").map((step) => step.path)).toEqual([
    "chatwoot",
    "chatwoot.health",
  ]);
  expect(JSON.stringify(path.document.steps.at(-1))).toContain("answered 404");
});
