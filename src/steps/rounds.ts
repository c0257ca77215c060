/** Divides a time into rounds, for a `forEach` that looks again and again until a stop time. */
import { durationField, durationMs, momentMs } from "./duration.ts";
import { closed, either, listOf, result, row, text, truth, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface RoundsSpec {
  readonly every: string;
  readonly for?: string;
  readonly until?: string;
  readonly summaryEvery?: string;
}

interface Round {
  readonly nr: number;
  readonly at: string;
  readonly summary: boolean;
}

/** Each becomes steps of the journal: a week of one round each five minutes is about as much. */
const mostRounds = 2_016;

export const rounds = defineStepType<RoundsSpec, { readonly rounds: readonly Round[]; readonly endsAt: string }>({
  type: "rounds",
  summary: "Divides the time from now to a stop time into rounds: a list for `forEach`, each with its moment.",
  docs: "https://www.rfc-editor.org/rfc/rfc3339",
  effects: "read",
  timeoutMs: 10_000,
  input: closed(
    {
      every: durationField("Time from one round to the next, such as `5m`."),
      for: durationField("How long, from now."),
      until: text("Stop time, RFC 3339."),
      summaryEvery: durationField("Every so often a round is marked for a summary; the last one always is."),
    },
    ["every"],
    either("until", "for"),
  ),
  examples: [
    { every: "5m", for: "2h", summaryEvery: "30m" },
    { every: "1m", until: "2026-11-27T18:00:00Z" },
  ],
  result: result({
    rounds: listOf(
      row({
        nr: whole("Number of the round, from 1."),
        at: text("When it begins, RFC 3339."),
        summary: truth("Whether a summary is due after it."),
      }),
      "The first is now, the last not after the stop time.",
    ),
    endsAt: text("The stop time, RFC 3339."),
  }),
  action: (spec) => ({
    text: `divide the time ${spec.for === undefined ? `until ${spec.until}` : `of ${spec.for}`} into rounds, one each ${spec.every}`,
    argv: null,
  }),
  async run(spec, host) {
    const everyMs = durationMs(spec.every, "every");
    const startMs = host.clock.now().getTime();
    const endMs = spec.for === undefined ? momentMs(spec.until ?? "", "until") : startMs + durationMs(spec.for, "for");
    const count = everyMs > 0 ? Math.floor((endMs - startMs) / everyMs) + 1 : Number.POSITIVE_INFINITY;
    if (endMs < startMs || count > mostRounds) {
      const why =
        endMs < startMs ? "the stop time is over" : `these would be ${count} rounds, at most ${mostRounds} are`;
      throw new StepFailure("fatal", "rounds-impossible", `No rounds each ${spec.every} are made: ${why}.`, {
        facts: { every: spec.every, endsAt: new Date(endMs).toISOString() },
      });
    }
    const summaryMs = spec.summaryEvery === undefined ? null : durationMs(spec.summaryEvery, "summaryEvery");
    const list = Array.from({ length: count }, (_, nth): Round => {
      const [fromMs, toMs] = [nth * everyMs, (nth + 1) * everyMs];
      const due =
        summaryMs !== null && summaryMs > 0 && Math.floor(fromMs / summaryMs) !== Math.floor(toMs / summaryMs);
      return { nr: nth + 1, at: new Date(startMs + fromMs).toISOString(), summary: due || nth === count - 1 };
    });
    return { rounds: list, endsAt: new Date(endMs).toISOString() };
  },
});
