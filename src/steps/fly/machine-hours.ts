/**
 * How long the machines of an app ran, from what happened to them. fly keeps the last events of a machine only, so the
 * time before the oldest one is told apart: it may have been spent running. https://fly.io/docs/about/pricing/
 */
import { commandText } from "../command-text.ts";
import { durationField, durationMs } from "../duration.ts";
import { closed, decimal, listOf, result, text } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { appField, flyJson, flyRead, unexpectedOutput } from "./flyctl.ts";
import { aList, anObject, aText, aWhole, or } from "./shape.ts";

interface MachineHoursSpec {
  readonly app: string;
  readonly within: string;
}

interface MachineHours {
  readonly machine: string;
  readonly region: string;
  readonly state: string;
  readonly hours: number;
  readonly unknownHours: number;
}

interface MachineHoursResult {
  readonly hours: number;
  readonly unknownHours: number;
  readonly machines: readonly MachineHours[];
}

interface MachineRow {
  readonly id: string;
  readonly region: string;
  readonly state: string;
  readonly created_at: string;
  readonly events: readonly EventRow[];
}

interface EventRow {
  readonly type: string;
  readonly status: string;
  readonly timestamp: number;
}

const hourMs = 3_600_000;
const name = "fly machine list --json";

/** States in which a machine holds no processor and no memory. https://fly.io/docs/machines/machine-states/ */
const idle = new Set(["created", "stopped", "suspended", "destroyed", "failed"]);

const someMachines = aList(
  anObject<MachineRow>({
    id: aText,
    region: or(aText, ""),
    state: aText,
    created_at: aText,
    events: or(aList(anObject<EventRow>({ type: or(aText, ""), status: or(aText, ""), timestamp: or(aWhole, 0) })), []),
  }),
);

export const flyMachineHours = defineStepType<MachineHoursSpec, MachineHoursResult>({
  type: "fly/machine-hours",
  summary:
    "Adds up the hours that the machines of a Fly app ran, from their events. Time that no event reaches back to is counted apart; machines that were destroyed are not listed any more.",
  docs: "https://fly.io/docs/flyctl/machine-list/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ app: appField, within: durationField("How far to look back, such as `30d`.") }, ["app", "within"]),
  examples: [{ app: "${{ target.app }}", within: "30d" }],
  result: result({
    hours: decimal("Hours that machines are known to have run."),
    unknownHours: decimal("Hours of which nothing is known: `hours + unknownHours` is the most it can have been."),
    machines: listOf(
      result({
        machine: text("Machine id."),
        region: text("Region code."),
        state: text("What it is now: `started`, `stopped`, …"),
        hours: decimal("Hours it ran."),
        unknownHours: decimal("Hours of which nothing is known."),
      }),
      "Each machine that exists now.",
    ),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["machine", "list"], spec.app);
    return { text: `${commandText(argv)} (how long each ran within ${spec.within})`, argv };
  },
  async run(spec, host) {
    const nowMs = host.clock.now().getTime();
    const sinceMs = nowMs - durationMs(spec.within, "within");
    const rows = await flyJson(host, ["machine", "list"], spec.app, or(someMachines, []));
    const machines = rows.map((row) => hoursOf(row, sinceMs, nowMs));
    return {
      hours: sum(machines.map(({ hours }) => hours)),
      unknownHours: sum(machines.map(({ unknownHours }) => unknownHours)),
      machines,
    };
  },
});

function hoursOf(row: MachineRow, sinceMs: number, nowMs: number): MachineHours {
  const createdMs = Date.parse(row.created_at);
  if (Number.isNaN(createdMs))
    throw unexpectedOutput(name, `created_at ${JSON.stringify(row.created_at)} of ${row.id}`);
  const begin = Math.max(sinceMs, createdMs);
  let runningMs = 0;
  let untilMs = nowMs;
  // Newest first: what an event led to held until the next one; the last one led to what the machine is now.
  const events = [...row.events].sort((a, b) => b.timestamp - a.timestamp);
  for (const [index, { timestamp, status }] of events.entries()) {
    const fromMs = Math.max(begin, timestamp);
    const state = index === 0 ? row.state : status;
    if (fromMs < untilMs) {
      if (!idle.has(state)) runningMs += untilMs - fromMs;
      untilMs = fromMs;
    }
    if (timestamp <= begin) break;
  }
  return {
    machine: row.id,
    region: row.region,
    state: row.state,
    hours: hours(runningMs),
    unknownHours: hours(Math.max(0, untilMs - begin)),
  };
}

/** To two decimals, as bills do. */
function hours(ms: number): number {
  return Math.round((ms / hourMs) * 100) / 100;
}

function sum(numbers: readonly number[]): number {
  return Math.round(numbers.reduce((total, each) => total + each, 0) * 100) / 100;
}
