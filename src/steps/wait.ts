/** A pause of a fixed length, or up to a moment. It is never an approval and never replaces the step key `until`. */
import { formatDuration } from "../util/duration.ts";
import { durationField, durationMs, momentMs } from "./duration.ts";
import { closed, either, result, text } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

export const wait = defineStepType<{ for?: string; until?: string }, Record<string, never>>({
  type: "wait",
  summary:
    "Waits for a fixed time, for example a soak period, or until a moment. To wait for a condition use `until` on a read step.",
  docs: "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sleep.html",
  effects: "read",
  timeoutMs: 86_400_000,
  input: closed(
    {
      for: durationField("How long, such as `30s` or `10m`."),
      until: text("Moment to wait for, RFC 3339; one that has passed is not waited for."),
    },
    [],
    either("until", "for"),
  ),
  examples: [{ for: "10m" }, { until: "2026-11-26T09:00:00Z" }],
  result: result({}),
  action: (spec) => ({ text: spec.for === undefined ? `wait until ${spec.until}` : `wait ${spec.for}`, argv: null }),
  async run(spec, host) {
    const ms =
      spec.for === undefined
        ? Math.max(0, momentMs(spec.until ?? "", "until") - host.clock.now().getTime())
        : durationMs(spec.for, "for");
    const said = spec.for ?? `until ${spec.until}`;
    if (ms >= host.remainingMs()) {
      throw new StepFailure(
        "fatal",
        "wait-exceeds-timeout",
        `Waiting ${said} does not fit into this step's time limit (${formatDuration(host.remainingMs())} left). Give the step a longer \`timeout\`.`,
        { facts: { waitMs: ms, remainingMs: host.remainingMs() } },
      );
    }
    host.progress(`waiting ${said}`);
    if (ms > 0) await host.clock.sleep(ms);
    return {};
  },
});
