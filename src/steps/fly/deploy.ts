/** Deploys an image. `fly deploy` prints no JSON, so what became of it is read from `fly status` afterwards. */

import type { JsonSchema } from "../../util/json.ts";
import { commandText, exitFailure } from "../command-text.ts";
import { durationField, durationMs, goDuration } from "../duration.ts";
import { choice, closed, listOf, nullable, result, text, whole } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { type AppState, appStateSchema, readAppState } from "./app-state.ts";
import { appField, teach } from "./flyctl.ts";

interface DeploySpec {
  readonly app: string;
  readonly image: string;
  readonly strategy?: string;
  readonly waitTimeout?: string;
  readonly onlyMachines?: readonly string[];
}

/** What runs afterwards, and what ran before: the report's "what changed". */
interface Deployed extends AppState {
  /** Null when it could not be read; that alone must not hold up a deployment. */
  readonly before: { readonly image: string; readonly version: number } | null;
}

const deployedSchema: JsonSchema = {
  ...appStateSchema,
  properties: {
    ...(appStateSchema["properties"] as Readonly<Record<string, JsonSchema>>),
    before: {
      ...nullable(result({ image: text("Image that ran before."), version: whole("Release number before.") })),
      description: "What ran before; null when it could not be read.",
    },
  },
};

export const flyDeploy = defineStepType<DeploySpec, Deployed>({
  type: "fly/deploy",
  summary:
    "Deploys an image to a Fly app as a new release, then reads what runs. Verify the image; exit 0 is not proof.",
  docs: "https://fly.io/docs/flyctl/deploy/",
  effects: "write",
  timeoutMs: 600_000,
  input: closed(
    {
      app: appField,
      image: text("Image to deploy, with registry and tag or digest.", { minLength: 1 }),
      strategy: choice("How machines are replaced. Default: what fly.toml says.", {
        rolling: "One machine after the other.",
        canary: "One machine first; the others when it is healthy.",
        bluegreen: "New machines beside the old ones, then all traffic at once.",
        immediate: "All at once, without waiting for health checks.",
      }),
      waitTimeout: durationField(
        "How long fly waits for each machine, such as `90s`; keep it below the step's `timeout`.",
      ),
      onlyMachines: listOf(
        text("Machine id.", { pattern: "^[a-z0-9]+$" }),
        "Only these machines get the image, as for a canary; the others stay as they are. Default: all.",
        { minItems: 1 },
      ),
    },
    ["app", "image"],
  ),
  examples: [
    { app: "${{ target.app }}", image: "registry.fly.io/shop:v42", strategy: "rolling", waitTimeout: "90s" },
    { app: "${{ target.app }}", image: "${{ inputs.image }}", onlyMachines: ["e286de4f711e86"] },
  ],
  result: deployedSchema,
  stepKeys: ["env", "cwd"],
  tools: ["fly"],
  action: (spec) => {
    const argv = deployCommand(spec);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    if (!/^[^\s-]\S*$/.test(spec.image)) {
      throw new StepFailure("fatal", "image-invalid", `${JSON.stringify(spec.image)} is not an image reference.`, {
        facts: { image: spec.image },
      });
    }
    if (spec.waitTimeout !== undefined) durationMs(spec.waitTimeout, "waitTimeout");
    const before = await readBefore(host, spec.app);
    const ended = await host.command(deployCommand(spec));
    if (ended.exitCode !== 0) {
      const failure = teach(exitFailure("fly deploy", ended), ended.stderr);
      throw new StepFailure(
        "failed",
        failure.reason,
        `${failure.message}\nSome machines may have been replaced already: look with \`fly status --app ${spec.app}\` and \`fly logs --app ${spec.app} --no-tail\`.`,
        { facts: failure.facts, result: { before } },
      );
    }
    return { ...(await readPatiently(host, spec.app)), before };
  },
});

/** Pure, and also called by plans: a duration that is a hole yet is printed as it stands. */
function deployCommand(spec: DeploySpec): [string, ...string[]] {
  const wait = spec.waitTimeout;
  const only: unknown = spec.onlyMachines;
  return [
    "fly",
    "deploy",
    "--app",
    spec.app,
    "--image",
    spec.image,
    ...(spec.strategy === undefined ? [] : ["--strategy", spec.strategy]),
    ...(wait === undefined ? [] : ["--wait-timeout", goDuration(wait)]),
    ...(only === undefined ? [] : ["--only-machines", Array.isArray(only) ? only.join(",") : String(only)]),
    "--yes",
  ];
}

async function readBefore(host: StepHost, app: string): Promise<Deployed["before"]> {
  try {
    const { image, version } = await readAppState(host, app);
    return { image, version };
  } catch (error) {
    if (!(error instanceof StepFailure) || host.signal.aborted) throw error;
    return null;
  }
}

/** The deployment took effect; one lost reading of what it did must not make it look failed. */
async function readPatiently(host: StepHost, app: string): Promise<AppState> {
  for (let again = 0; ; again += 1) {
    try {
      return await readAppState(host, app);
    } catch (error) {
      if (again >= 2 || !(error instanceof StepFailure) || error.class !== "transient") throw error;
      await host.clock.sleep(500 * 2 ** again);
    }
  }
}
