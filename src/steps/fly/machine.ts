/** Starts, stops, restarts, kills, cordons or uncordons one machine, and waits until the platform says that it did. */
import { commandText, exitFailure } from "../command-text.ts";
import { choice, closed, result, text, truth } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { imageOf, type Machine, readAppState } from "./app-state.ts";
import { appField, teach } from "./flyctl.ts";

type Action = "start" | "stop" | "restart" | "kill" | "cordon" | "uncordon";

interface MachineSpec {
  readonly app: string;
  readonly machine: string;
  readonly action: Action;
}

interface MachineFacts {
  readonly state: string;
  readonly cordoned: boolean;
}

interface MachineResult extends MachineFacts {
  readonly machine: string;
  readonly image: string;
  /** False when it was so already and fly was not asked. */
  readonly changed: boolean;
  readonly before: MachineFacts;
}

/** What a machine is when the action has taken effect; null = only the command's end tells (`kill`). */
const reached: Readonly<Record<Action, ((machine: MachineFacts) => boolean) | null>> = {
  start: (machine) => machine.state === "started",
  stop: (machine) => machine.state === "stopped",
  restart: (machine) => machine.state === "started",
  kill: null,
  cordon: (machine) => machine.cordoned,
  uncordon: (machine) => !machine.cordoned,
};

/** These do something even to a machine that looks as it will afterwards. */
const always: ReadonlySet<Action> = new Set(["restart", "kill"]);

const firstPauseMs = 250;
const longestPauseMs = 3_000;

const facts = {
  state: text("`started`, `stopped`, `suspended`, …"),
  cordoned: truth("Whether it takes no traffic."),
};

export const flyMachine = defineStepType<MachineSpec, MachineResult>({
  type: "fly/machine",
  summary:
    "Starts, stops, restarts, kills, cordons or uncordons one machine of a Fly app and waits until it is so. `kill` only sends SIGKILL; the restart policy decides what follows.",
  docs: "https://fly.io/docs/flyctl/machine/",
  effects: "write",
  timeoutMs: 120_000,
  input: closed(
    {
      app: appField,
      machine: text("Id of the machine, from `fly/status`.", { pattern: "^[a-z0-9]+$" }),
      action: choice("What to do with it.", {
        start: "Start a stopped machine.",
        stop: "Stop it; it keeps its volume.",
        restart: "Stop and start it.",
        kill: "Stop it with SIGKILL.",
        cordon: "Take it out of the traffic; it keeps running.",
        uncordon: "Put it back into the traffic.",
      }),
    },
    ["app", "machine", "action"],
  ),
  examples: [{ app: "${{ target.app }}", machine: "e286de4f711e86", action: "restart" }],
  result: result({
    machine: text("Id of the machine."),
    image: text("The image it runs, as releases write it."),
    ...facts,
    changed: truth("False when it was so already; nothing was done then."),
    before: { ...result(facts), description: "What it was before." },
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = command(spec);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    const before = await find(host, spec);
    const isReached = reached[spec.action];
    if (isReached?.(before) === true && !always.has(spec.action)) return resultOf(spec, before, before, false);
    if (spec.action === "kill" && before.state !== "started") {
      throw new StepFailure(
        "refused",
        "machine-not-started",
        `Machine ${spec.machine} is ${before.state}: there is no process to kill.`,
        { facts: { machine: spec.machine, state: before.state } },
      );
    }
    const ended = await host.command(command(spec));
    if (ended.exitCode !== 0) throw teach(exitFailure(`fly machine ${spec.action}`, ended), ended.stderr);
    const after = isReached === null ? await find(host, spec) : await waitFor(host, spec, isReached);
    return resultOf(spec, before, after, true);
  },
});

function command({ app, machine, action }: MachineSpec): [string, ...string[]] {
  return ["fly", "machine", action, machine, "--app", app];
}

async function find(host: StepHost, { app, machine }: MachineSpec): Promise<Machine> {
  const { machines } = await readAppState(host, app);
  const found = machines.find((each) => each.id === machine);
  if (found !== undefined) return found;
  const known = machines.map((each) => each.id);
  throw new StepFailure(
    "refused",
    "machine-unknown",
    `${app} has no machine ${machine}; it has ${known.length === 0 ? "none" : known.join(", ")}.`,
    { facts: { machine, known } },
  );
}

async function waitFor(host: StepHost, spec: MachineSpec, isReached: (machine: MachineFacts) => boolean) {
  let now = "not looked at yet";
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    try {
      const { machines } = await readAppState(host, spec.app, { recorded: false });
      const machine = machines.find((each) => each.id === spec.machine);
      if (machine !== undefined && isReached(machine)) return machine;
      now = machine === undefined ? "gone" : `${machine.state}${machine.cordoned ? ", cordoned" : ""}`;
    } catch (error) {
      // The command was sent; one lost reading says nothing about the machine.
      if (!(error instanceof StepFailure) || error.class !== "transient") throw error;
      now = error.message;
    }
    host.progress(`${spec.machine} is ${now}`);
    if (host.remainingMs() <= pauseMs) {
      throw new StepFailure(
        "timeout",
        "machine-not-there-yet",
        `fly machine ${spec.action} ended well, but machine ${spec.machine} is ${now}. Look with \`fly status --app ${spec.app}\`.`,
        { facts: { machine: spec.machine, now } },
      );
    }
    await host.clock.sleep(pauseMs);
  }
}

function resultOf(spec: MachineSpec, before: Machine, after: Machine, changed: boolean): MachineResult {
  return {
    machine: spec.machine,
    image: imageOf(after),
    state: after.state,
    cordoned: after.cordoned,
    changed,
    before: { state: before.state, cordoned: before.cordoned },
  };
}
