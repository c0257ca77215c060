/** Waits until an app is healthy: it has machines, each is started, has checks, and all of them pass. */
import { commandText } from "../command-text.ts";
import { closed } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { type AppState, appStateSchema, readAppState, unhealthy } from "./app-state.ts";
import { appField, flyRead } from "./flyctl.ts";

const firstPauseMs = 250;
const longestPauseMs = 3_000;

export const flyWaitHealthy = defineStepType<{ app: string }, AppState>({
  type: "fly/wait-healthy",
  summary:
    "Waits until every machine of a Fly app is started and passes all its checks; none of either is not healthy.",
  docs: "https://fly.io/docs/reference/health-checks/",
  effects: "read",
  timeoutMs: 300_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: appStateSchema,
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["status"], spec.app);
    return { text: `${commandText(argv)} until every machine is started and passes its checks`, argv };
  },
  async run(spec, host) {
    let why: readonly string[] = [];
    let state: AppState | null = null;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      try {
        state = await readAppState(host, spec.app, { recorded: false });
        why = unhealthy(state.machines);
        if (why.length === 0) return state;
      } catch (error) {
        if (!(error instanceof StepFailure)) throw error;
        if (error.class === "timeout" && why.length > 0) throw notHealthy(spec.app, why, state);
        // One lost reading says nothing about the app; whoever is out of reach to the end is not healthy.
        if (error.class !== "transient") throw error;
        why = [error.message];
      }
      host.progress(why[0] ?? "");
      // The host ends the attempt without knowing why it took so long; we say it just before.
      if (host.remainingMs() <= pauseMs) throw notHealthy(spec.app, why, state);
      await pause(host, pauseMs, spec.app, why, state);
    }
  },
});

async function pause(
  host: StepHost,
  ms: number,
  app: string,
  why: readonly string[],
  state: AppState | null,
): Promise<void> {
  try {
    await host.clock.sleep(ms);
  } catch (error) {
    if (error instanceof StepFailure && error.class === "timeout") throw notHealthy(app, why, state);
    throw error;
  }
}

function notHealthy(app: string, why: readonly string[], state: AppState | null): StepFailure {
  const shown = why.slice(0, 5).join("; ");
  const more = why.length > 5 ? `; and ${why.length - 5} more` : "";
  return new StepFailure(
    "timeout",
    "not-healthy",
    `${app} did not become healthy in time: ${shown}${more}. See \`fly logs --app ${app} --no-tail\`.`,
    { facts: { app, image: state?.image ?? null, unhealthy: why }, ...(state === null ? {} : { result: state }) },
  );
}
