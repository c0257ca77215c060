import { describe, expect, test } from "vitest";
import { flyChecks } from "../../../src/steps/fly/checks.ts";
import { flyLogs } from "../../../src/steps/fly/logs.ts";
import { flyReleases } from "../../../src/steps/fly/releases.ts";
import { flySecrets } from "../../../src/steps/fly/secrets.ts";
import { flyStatus } from "../../../src/steps/fly/status.ts";
import { check, image, machine, release, status } from "../../rig/fly-json.ts";
import { failureOf, type Reply, rigHost, runStep } from "../../rig/step-host.ts";

const reading = (reply: Reply) => rigHost({ replies: { "--app shop --json": reply } });

describe("fly/status", () => {
  test("asks the fly on the PATH, as the plan prints it: where it comes from is the target's affair", async () => {
    const own = rigHost({ target: { fly: "/sandbox/bin/fly" }, replies: { status: { stdout: status([machine()]) } } });
    await runStep(flyStatus, { app: "shop" }, own);
    expect(own.calls[0]?.argv).toEqual(["fly", "status", "--app", "shop", "--json"]);
    expect(own.calls[0]?.options.effects).toBe("read");
  });

  test("prints in a plan exactly what it runs", async () => {
    const host = rigHost({ target: { fly: "/sandbox/bin/fly" }, replies: { status: { stdout: status([machine()]) } } });
    await runStep(flyStatus, { app: "shop" }, host);
    expect(flyStatus.action({ app: "shop" }, { target: host.target }).argv).toEqual(host.calls[0]?.argv);
  });

  test("returns version, image and machines with the vendor's keys", async () => {
    const read = await runStep(flyStatus, { app: "shop" }, reading({ stdout: status([machine({ id: "m1" })], 43) }));
    expect(read).toMatchObject({ version: 43, image: image("GOOD"), machines: [{ id: "m1", host_status: "ok" }] });
  });

  const digest = "sha256:875867fff7acfa5c6a3fc798d9e91b43eb0c660476df1025fb8055019bc2656e";
  test.each([
    ["one image on all", [machine({ id: "a" }), machine({ id: "b" })], image("GOOD")],
    ["two images", [machine({ id: "a" }), machine({ id: "b", image: image("BAD") })], ""],
    ["no machines", [], ""],
    ["no machines, as Go prints an empty list", null, ""],
    ["only a destroyed machine", [machine({ state: "destroyed" })], ""],
    ["a destroyed machine beside", [machine({ state: "destroyed", image: image("OLD") }), machine()], image("GOOD")],
    ["no config", [machine({ asked: null })], image("GOOD")],
    ["a reference with a digest", [machine({ asked: `${image("GOOD")}@${digest}` })], `${image("GOOD")}@${digest}`],
    ["a config that was not rolled out", [machine({ asked: image("NEXT") })], image("GOOD")],
    ["a config with another digest", [machine({ asked: `${image("GOOD")}@sha256:00` })], image("GOOD")],
    [
      "a digest and no tag",
      [machine({ image: "registry.fly.io/shop", asked: null })],
      `registry.fly.io/shop@${digest}`,
    ],
  ])("image of %s", async (_name, machines, expected) => {
    const read = await runStep(flyStatus, { app: "shop" }, reading({ stdout: status(machines) }));
    expect(read.image).toBe(expected);
  });

  test.each([
    ["a page of a proxy", "<html><title>502</title></html>", 'fly status --json printed no JSON but "<html>'],
    ["nothing", "", "printed no JSON but nothing"],
    ["a list", [], "the whole is a list, expected an object"],
    ["a version as text", { ...status([]), Version: "42" }, 'Version is a string ("42"), expected a whole number'],
    [
      "a machine without a state",
      status([{ ...machine(), state: undefined }]),
      "Machines[0].state is missing, expected a string",
    ],
    [
      "a check without a status",
      status([machine(), { ...machine(), checks: [{ name: "http" }] }]),
      "Machines[1].checks[0].status is missing",
    ],
    ["an image without a repository", status([{ ...machine(), image_ref: {} }]), "Machines[0].image_ref.repository is"],
  ])("names what is wrong with %s", async (_name, stdout, message) => {
    const failure = await failureOf(flyStatus, { app: "shop" }, reading({ stdout }));
    expect(failure).toMatchObject({ class: "failed", reason: "unexpected-output" });
    expect(failure.message).toContain(message);
  });
});

describe("failures of a reading command", () => {
  test.each([
    ['Error: failed to get app: Post "https://api.fly.io/graphql": dial tcp: lookup api.fly.io: no such host'],
    ["Error: server returned a non-200 status code: 503"],
    ["Error: failed to list VMs: request returned non-2xx status: 500 (Request ID: 01HX)"],
    ["Error: Post https://api.fly.io/graphql: context deadline exceeded (Client.Timeout exceeded)"],
    ["Error: read tcp 10.0.0.2:53412->77.83.143.220:443: read: connection reset by peer"],
    ["Error: 502 Bad Gateway"],
  ])("is transient: %s", async (stderr) => {
    const failure = await failureOf(flyStatus, { app: "shop" }, reading({ exitCode: 1, stderr }));
    expect(failure).toMatchObject({ class: "transient", reason: "platform-unavailable" });
    expect(failure.message).toContain(stderr);
  });

  test.each([
    ['Error: Could not find App "shop"', "exit-code"],
    ["Error: unknown flag: --tail", "exit-code"],
    ["Error: app shop-503 has no machines", "exit-code"],
    ["Error: No access token available. Please login with 'flyctl auth login'", "not-authorised"],
    ["Error: You must be authenticated to view this.", "not-authorised"],
  ])("is not: %s", async (stderr, reason) => {
    const failure = await failureOf(flyReleases, { app: "shop" }, reading({ exitCode: 1, stderr }));
    expect(failure).toMatchObject({ class: "failed", reason });
    expect(failure.message).toContain(stderr);
  });

  test("says what to do about a missing token", async () => {
    const stderr = "Error: No access token available.";
    const failure = await failureOf(flyStatus, { app: "shop" }, reading({ exitCode: 1, stderr }));
    expect(failure.message).toContain("list FLY_API_TOKEN under `secrets:`");
  });

  test("a command ended by a signal is never transient, whatever it printed", async () => {
    const failure = await failureOf(flyStatus, { app: "shop" }, reading({ signal: "SIGKILL", stderr: "timed out" }));
    expect(failure).toMatchObject({ class: "failed", reason: "signal", facts: { signal: "SIGKILL" } });
  });
});

test("fly/releases returns the rows with the vendor's keys, newest first", async () => {
  const rows = [release(40, image("A")), release(41, image("B"), "failed")];
  const read = await runStep(flyReleases, { app: "shop" }, reading({ stdout: rows }));
  expect(read.releases).toMatchObject([
    { Version: 41, Status: "failed", ImageRef: image("B"), User: { Email: "operator@shop.example" } },
    { Version: 40, Status: "complete", ImageRef: image("A") },
  ]);
});

test("fly/releases fills what Go leaves out and refuses what must be there", async () => {
  const bare = { Version: 3, Status: "pending", CreatedAt: "2026-11-20T09:00:00Z" };
  const read = await runStep(flyReleases, { app: "shop" }, reading({ stdout: [bare] }));
  expect(read.releases[0]).toMatchObject({ ImageRef: "", Description: "", InProgress: false, Metadata: null });
  const failure = await failureOf(flyReleases, { app: "shop" }, reading({ stdout: [bare, { Version: 2 }] }));
  expect(failure.message).toContain("[1].Status is missing, expected a string");
});

test("fly/checks makes rows of the object by machine id", async () => {
  const stdout = { m1: [check("http", "passing"), check("tcp", "critical", "connect refused")], m2: null };
  const read = await runStep(flyChecks, { app: "shop" }, reading({ stdout }));
  expect(read).toMatchObject({
    total: 2,
    passing: 1,
    checks: [{ machine: "m1", name: "http" }, { output: "connect refused" }],
  });
});

test("fly/secrets keeps a missing status apart from any real one", async () => {
  const stdout = [
    { name: "DATABASE_URL", digest: "ab12", status: "Deployed" },
    { name: "STRIPE_KEY", digest: "cd34" },
  ];
  const read = await runStep(flySecrets, { app: "shop" }, reading({ stdout }));
  expect(read.secrets.map((each) => each.status)).toEqual(["Deployed", null]);
});

describe("fly/logs", () => {
  const entry = (message: string) => ({
    level: "info",
    instance: "m1",
    message,
    region: "fra",
    timestamp: "2026-11-20T17:40:02.1Z",
    meta: { event: { provider: "app" } },
  });
  const printed = (messages: readonly string[]) =>
    messages.map((message) => JSON.stringify(entry(message), null, 4)).join("\n");

  test("reads objects printed one after the other, braces and quotes in messages included", async () => {
    const messages = ["GET / 200", 'he said "}{" and \\', "[1,2", "ünïcode"];
    const read = await runStep(flyLogs, { app: "shop" }, rigHost({ replies: { logs: { stdout: printed(messages) } } }));
    expect(read.entries.map((each) => each.message)).toEqual(messages);
    expect(read).toMatchObject({ total: 4, truncated: false });
  });

  test("ends by --no-tail and keeps the newest of 5,000 lines", async () => {
    const messages = Array.from({ length: 5_000 }, (_, index) => `line ${index}`);
    const host = rigHost({ replies: { logs: { stdout: printed(messages) } } });
    const read = await runStep(flyLogs, { app: "shop", limit: 100 }, host);
    expect(host.calls[0]?.argv).toEqual(["fly", "logs", "--no-tail", "--app", "shop", "--json"]);
    expect(read).toMatchObject({ total: 5_000, truncated: true });
    expect(read.entries.map((each) => each.message)).toEqual(messages.slice(-100));
  });

  test("no log at all is an empty list", async () => {
    const read = await runStep(flyLogs, { app: "shop" }, rigHost({ replies: { logs: { stdout: "\n" } } }));
    expect(read.entries).toEqual([]);
  });

  test.each([
    ["a cut one", '{"message": "a", "timestamp": "t"'],
    ["text between", '{"message":"a","timestamp":"t"} oops {"message":"b","timestamp":"t"}'],
    ["an entry without a message", '{"timestamp":"t"}'],
  ])("refuses %s", async (_name, stdout) => {
    const failure = await failureOf(flyLogs, { app: "shop" }, rigHost({ replies: { logs: { stdout } } }));
    expect(failure).toMatchObject({ class: "failed", reason: "unexpected-output" });
  });
});
