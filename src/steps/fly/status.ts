/** What an app runs now. https://fly.io/docs/flyctl/status/ */
import { commandText } from "../command-text.ts";
import { closed } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { type AppState, appStateSchema, readAppState } from "./app-state.ts";
import { appField, flyRead } from "./flyctl.ts";

export const flyStatus = defineStepType<{ app: string }, AppState>({
  type: "fly/status",
  summary: "Reads what a Fly app runs now: release number, image, machines and their checks.",
  docs: "https://fly.io/docs/flyctl/status/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: appStateSchema,
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["status"], spec.app);
    return { text: commandText(argv), argv };
  },
  run: (spec, host) => readAppState(host, spec.app),
});
