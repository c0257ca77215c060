/** A maintenance window of `runbook.config.yaml`: outside it the run is refused, or the deviation is recorded. */
import { choice, closed, result, text, truth } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";
import { windowState } from "./window-calendar.ts";

interface WindowSpec {
  readonly name: string;
  readonly mode?: "block" | "warn";
}

export const window = defineStepType<WindowSpec, { readonly open: boolean; readonly now: string }>({
  type: "window",
  summary:
    "Checks that a maintenance window of the config is open; outside it refuses, or with `mode: warn` records it.",
  docs: "https://www.rfc-editor.org/rfc/rfc9557",
  effects: "read",
  timeoutMs: 10_000,
  input: closed(
    {
      name: text("Window in `windows` of `runbook.config.yaml`.", { minLength: 1 }),
      mode: choice("What happens outside it. Default: the window's own.", {
        block: "The run is refused.",
        warn: "It is recorded as a deviation.",
      }),
    },
    ["name"],
  ),
  examples: [{ name: "deploy", mode: "warn" }],
  result: result({
    open: truth("Whether it is open now."),
    now: text("Local time in the window's zone, `2026-11-20T09:51:00-08:00[America/Los_Angeles]`."),
  }),
  action: (spec) => ({
    text: `check the window ${spec.name}${spec.mode === "warn" ? " (warn only)" : ""}`,
    argv: null,
  }),
  async run(spec, host) {
    const found = host.window(spec.name);
    if (found === undefined) {
      throw new StepFailure(
        "fatal",
        "window-unknown",
        `There is no window ${JSON.stringify(spec.name)} under \`windows\` in runbook.config.yaml.`,
        { facts: { window: spec.name } },
      );
    }
    const state = await windowState(found.window, host.clock.now());
    if (!state.open && (spec.mode ?? found.window.mode) === "block") {
      const opens = state.opensText === null ? "It does not open again." : `It opens again ${state.opensText}.`;
      throw new StepFailure(
        "refused",
        "window-closed",
        `now ${state.nowText} is outside ${state.windowText} (window ${spec.name}). ${opens}`,
        {
          facts: { window: spec.name, now: state.now, hours: state.windowText, opensAt: state.opensAt },
          result: { open: false, now: state.now },
        },
      );
    }
    return { open: state.open, now: state.now };
  },
});
