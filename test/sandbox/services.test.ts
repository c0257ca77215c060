import { afterAll, beforeAll, expect, test } from "vitest";
import { type SandboxService, sandboxServices } from "../../src/language/sandbox-services.ts";
import { SandboxRig } from "./rig.ts";

const rig = new SandboxRig();

beforeAll(async () => {
  await rig.build();
  await rig.start();
});
afterAll(() => rig.end());

const at = (name: SandboxService, path: string) => `${rig.info.services[name]}${path}`;

test("the stand-ins answer at their base URLs, each with a state it starts in", async () => {
  const listed = (await rig.sandbox("service")).stdout.trim().split("\n");
  expect(listed.map((line) => line.split(/ +/)[0])).toEqual([...sandboxServices]);
  expect(await (await fetch(at("chatwoot", "/api"))).json()).toMatchObject({
    queue_services: "ok",
    data_services: "ok",
  });
});

test("a secret is the sandbox's own: the right one is let in, another is not", async () => {
  const profile = (token: string) => fetch(at("chatwoot", "/api/v1/profile"), { headers: { api_access_token: token } });
  expect((await profile(rig.info.secrets["CHATWOOT_API_TOKEN"] ?? "")).status).toBe(200);
  expect((await profile("no")).status).toBe(401);
});

test("a state outlives the platform, and a seed puts it back", async () => {
  expect(await rig.sandbox("service", "chatwoot", "queue-failing")).toMatchObject({ code: 0, stderr: "" });
  await rig.sandbox("stop");
  await rig.start();
  const failing = await fetch(at("chatwoot", "/api"));
  expect([failing.status, await failing.json()]).toMatchObject([200, { queue_services: "failing" }]);
  await rig.sandbox("seed", "good");
  expect(await (await fetch(at("chatwoot", "/api"))).json()).toMatchObject({ queue_services: "ok" });
});

test.each([
  ["down", { status: 503 }],
  ["html", { status: 200 }],
  ["limited", { status: 429 }],
])("every service can be %s", async (state, expected) => {
  await rig.sandbox("service", "chatwoot", state);
  expect(await fetch(at("chatwoot", "/api"))).toMatchObject(expected);
});

test("half an answer ends in an error of the reader, silence in its time limit", async () => {
  await rig.sandbox("service", "chatwoot", "half");
  await expect(fetch(at("chatwoot", "/api")).then((answer) => answer.text())).rejects.toThrow();
  await rig.sandbox("service", "chatwoot", "silent");
  await expect(fetch(at("chatwoot", "/api"), { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/);
});

test("an unknown service or state is refused with what there is", async () => {
  const refused = await rig.sandbox("service", "chatwoot", "tired");
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("chatwoot: ok, queue-failing, data-failing, down");
});
