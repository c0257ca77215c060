/** The launch-day monitor, in short rounds: what it finds, whom it calls, what it tells. */
import { afterEach, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { describeWith } from "../rig/monitoring.ts";

let rig: CliRig;
afterEach(() => rig.end());

interface Event {
  readonly event_action: string;
  readonly dedup_key: string;
  readonly payload: { readonly summary: string; readonly custom_details: Readonly<Record<string, string>> };
}

const shipped = ["launch-day-monitor", "smoke-tests", "chatwoot-health", "publer-health", "slo-report"];
const watch = () =>
  rig.json([
    ...["run", "launch-day-monitor", "-t", "local", "-i", "every=1s", "-i", "for=1s"],
    ...["-i", "confirmAfter=1s", "-i", "summaryEvery=1h"],
  ]);
/** Status of one step in each round; a plan's own entry for all of them stands aside. */
const perRound = (steps: RunDocument["steps"], id: string) =>
  steps.filter((step) => step.path.endsWith(`].${id}`)).map((step) => step.status);
const events = async () => JSON.parse(await rig.sandboxVerb("service", "pagerduty")) as Event[];

describeWith(["prometheus", "promtool"], "launch-day-monitor", () => {
  test("rounds without trouble: one report, a summary at the end, nobody is called", async () => {
    rig = new CliRig({ shipped });
    await rig.sandboxVerb("start");
    const { code, document } = await watch();
    expect([code, document.result], JSON.stringify(document.steps, null, 1)).toEqual([0, "succeeded"]);
    expect(perRound(document.steps, "look")).toEqual(["succeeded", "succeeded"]);
    expect(perRound(document.steps, "page")).toEqual(["skipped", "skipped"]);
    expect(perRound(document.steps, "summary")).toEqual(["skipped", "succeeded"]);
    expect(await events()).toEqual([]);
    expect(await rig.problems(document.run)).toEqual([]);
    for (const name of ["MCP_API_KEY", "CHATWOOT_API_TOKEN", "PAGERDUTY_ROUTING_KEY"])
      expect(rig.file(document.run, "journal.ndjson")).not.toContain(rig.sandbox.secrets[name]);
  });

  test("two looks in a row that fail call somebody once, watching goes on, and the run fails", async () => {
    rig = new CliRig({ shipped });
    await rig.sandboxVerb("start");
    await rig.setService("chatwoot", "queue-failing");
    const { code, document } = await watch();
    expect([code, document.result]).toEqual([1, "failed"]);
    const found = await events();
    expect(found.map((event) => [event.event_action, event.dedup_key])).toEqual([
      ["trigger", document.run],
      ["trigger", document.run],
    ]);
    expect(found[0]?.payload.summary).toContain("round 1 failed twice in a row");
    expect(found[0]?.payload.custom_details).toMatchObject({ chatwoot: "failed", smoke: "succeeded" });
    expect(perRound(document.steps, "look")).toEqual(["failed", "failed"]);
    expect(document.steps.find((step) => step.path === "result")?.outputs).toEqual({ bad: 2 });
  });
});
