import { expect, test } from "vitest";
import type { EngineContext } from "../../src/engine/context.ts";
import type { JournalEvent } from "../../src/engine/events.ts";
import { notify } from "../../src/engine/notify.ts";
import type { ActionOutcome, ActionRequest } from "../../src/engine/ports.ts";
import { catalogue } from "../../src/steps/index.ts";
import { StepFailure } from "../../src/steps/step-type.ts";
import type { JsonObject } from "../../src/util/json.ts";
import { EngineRig } from "../rig/engine-rig.ts";
import { loopbackServer } from "../rig/loopback-server.ts";
import { startMailServer } from "../rig/mail-server.ts";
import { rigHost } from "../rig/step-host.ts";

/** A run whose one notification meets these answers, one after the other. */
function meeting(...answers: readonly (FailureSketch | "done")[]) {
  const events: JournalEvent[] = [];
  const pauses: number[] = [];
  const texts: unknown[] = [];
  let asked = 0;
  let flushed = false;
  const run = async ({ spec }: { readonly spec: JsonObject }): Promise<ActionOutcome> => {
    // What is told is durable.
    texts.push(flushed ? spec["text"] : "told before it was durable");
    const answer = answers[Math.min(asked++, answers.length - 1)] ?? "done";
    if (answer === "done") return { kind: "done", result: null, durationMs: 1 };
    const { class: failureClass, ...facts } = answer;
    const failure = {
      class: failureClass,
      reason: "slack-refused",
      message: "Slack answered",
      facts: facts as JsonObject,
    };
    return { kind: "failed", failure, result: null, durationMs: 1 };
  };
  const context = {
    root: {
      runbook: {
        notify: [{ on: ["failed"], type: "slack", with: { webhook: "https://hooks.example/x" } }],
        guards: [],
        steps: [],
        always: [],
      },
      cache: new Map(),
    },
    catalogue,
    clockWatch: () => null,
    secrets: {},
    actions: { run },
    clock: { sleep: async (ms: number) => void pauses.push(ms) },
    control: { stop: null, cancel: new AbortController() },
    store: {
      append: (event: JournalEvent) => void events.push(event),
      flush: () => {
        flushed = true;
      },
      record: { headHash: "a".repeat(64) },
    },
  } as unknown as EngineContext;
  return { send: () => notify(context, "failed", "it failed"), events, pauses, texts, asked: () => asked };
}

interface FailureSketch {
  readonly class: "transient" | "failed" | "timeout";
  readonly retryAfterMs?: number | null;
}

test.each<[string, readonly (FailureSketch | "done")[], number[], string]>([
  ["taken at once", ["done"], [], "sent"],
  ["busy with a time is asked again then", [{ class: "transient", retryAfterMs: 7_000 }, "done"], [7_000], "sent"],
  [
    "busy without one soon",
    [{ class: "transient", retryAfterMs: null }, { class: "transient" }, "done"],
    [1_000, 2_000],
    "sent",
  ],
  [
    "busy for an hour is not waited for so long",
    [{ class: "transient", retryAfterMs: 3_600_000 }, "done"],
    [30_000],
    "sent",
  ],
  ["busy three times is told", [{ class: "transient" }], [1_000, 2_000], "Slack answered (3 attempts)"],
  ["refused is not asked again", [{ class: "failed" }], [], "Slack answered"],
  ["silent is not waited for twice", [{ class: "timeout" }], [], "Slack answered"],
])("a service that is %s", async (_, answers, pauses, detail) => {
  const meets = meeting(...answers);
  await meets.send();
  expect(new Set(meets.texts)).toEqual(new Set([`it failed [head sha256:${"a".repeat(64)}]`]));
  expect(meets.pauses).toEqual(pauses);
  expect(meets.events).toMatchObject([{ type: "notification.sent", on: "failed", ok: detail === "sent", detail }]);
});

test("nobody who did not ask is told", async () => {
  const meets = meeting("done");
  await notify(
    { root: { runbook: { notify: [{ on: ["succeeded"], type: "slack", with: {} }] } } } as unknown as EngineContext,
    "failed",
    "x",
  );
  expect(meets.asked()).toBe(0);
});

/** The step types as they are, before services that fail. */
const real = async ({ type, spec }: ActionRequest): Promise<ActionOutcome> => {
  try {
    return { kind: "done", result: await type.run(spec, rigHost()), durationMs: 1 };
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const { class: failureClass, reason, message, facts } = error;
    return { kind: "failed", failure: { class: failureClass, reason, message, facts }, result: null, durationMs: 1 };
  }
};

test.each([
  ["succeeded", 0, {}],
  ["failed", 1, { look: "broken" }],
])(
  "notifications that fail are in the journal, and the run is %s with exit %i all the same",
  async (result, exitCode, script) => {
    const down = await loopbackServer((_, response) => response.writeHead(503).end());
    const mail = await startMailServer({ refuse: { DATA: { code: 554, text: "no mail today" } } });
    const on = "on: [succeeded, failed]";
    const rig = new EngineRig(
      `secrets: [KEY]
notify:
  - { ${on}, uses: slack, with: { webhook: "${down.url}/services/\${{ secrets.KEY }}" } }
  - { ${on}, uses: pagerduty, with: { url: "${down.url}/v2/enqueue", routingKey: "\${{ secrets.KEY }}" } }
  - { ${on}, uses: email, with: { server: "smtp://localhost:${mail.port}", from: a@shop.example, to: [b@shop.example] } }
steps: [{ id: look, title: Look, run: look, effects: read }]`,
      { ...script, "notify[0]?": real, "notify[1]?": real, "notify[2]?": real },
    );
    expect(await rig.drive()).toEqual({ kind: "finished", exitCode });
    await Promise.all([down.close(), mail.end()]);
    expect(rig.record.finished).toMatchObject({ result, exitCode });
    expect(rig.record.notifications.map(({ stepType, ok, detail }) => [stepType, ok, detail])).toEqual([
      ["slack", false, "Slack answered 503: it may have been posted, and is not sent again. Look into the channel."],
      ["pagerduty", false, "PagerDuty answered 503. (3 attempts)"],
      ["email", false, expect.stringContaining("554 no mail today")],
    ]);
    expect(rig.record.deviations.map(({ kind }) => kind)).toEqual(Array(3).fill("notification-failed"));
    expect(JSON.stringify(rig.events)).not.toContain("a-secret");
  },
);
