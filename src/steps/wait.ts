/** A pause of a fixed length. It is never an approval and never replaces `until`. */
import { formatDuration } from "../util/duration.ts";
import { durationField, durationMs } from "./duration.ts";
import { closed, result } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

export const wait = defineStepType<{ for: string }, Record<string, never>>({
  type: "wait",
  summary: "Waits for a fixed time, for example a soak period. To wait for a condition use `until` on a read step.",
  docs: "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sleep.html",
  effects: "read",
  timeoutMs: 86_400_000,
  input: closed({ for: durationField("How long, such as `30s` or `10m`.") }, ["for"]),
  result: result({}),
  action: (spec) => ({ text: `wait ${spec.for}`, argv: null }),
  async run(spec, host) {
    const ms = durationMs(spec.for, "for");
    if (ms >= host.remainingMs()) {
      throw new StepFailure(
        "fatal",
        "wait-exceeds-timeout",
        `Waiting ${spec.for} does not fit into this step's time limit (${formatDuration(host.remainingMs())} left). Give the step a longer \`timeout\`.`,
        { facts: { waitMs: ms, remainingMs: host.remainingMs() } },
      );
    }
    host.progress(`waiting ${spec.for}`);
    await host.clock.sleep(ms);
    return {};
  },
});
