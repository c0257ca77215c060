/** Whether a runbook has succeeded lately, with the same inputs: what an earlier gate has proven, read from its run. */

import { durationField, durationMs } from "./duration.ts";
import { closed, listOf, result, row, text, whole } from "./schema.ts";
import { defineStepType, type FinishedRun, StepFailure } from "./step-type.ts";

interface ProofSpec {
  readonly runbook: string;
  readonly target: string;
  readonly within: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

interface ProofResult {
  readonly run: string;
  readonly version: string;
  readonly finishedAt: string;
  readonly ageSeconds: number;
  readonly considered: readonly { readonly run: string; readonly why: string }[];
}

/** More would only make the message long. */
const told = 5;

export const proof = defineStepType<ProofSpec, ProofResult>({
  type: "proof",
  summary:
    "Finds a finished run of another runbook that succeeded on a target, recently and with the same inputs, and whose evidence is intact. Refuses when there is none, and says why each did not count.",
  docs: "https://csrc.nist.gov/pubs/sp/800/84/final",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      runbook: text("Name of the runbook that must have succeeded.", { pattern: "^[a-z][a-z0-9-]{0,62}$" }),
      target: text("Target it must have succeeded on.", { minLength: 1 }),
      within: durationField("How long ago its end may be, such as `24h`."),
      inputs: {
        type: "object",
        additionalProperties: true,
        description: "Inputs it must have had, name → value; others may have been anything.",
      },
    },
    ["runbook", "target", "within"],
  ),
  examples: [{ runbook: "deploy-staging", target: "staging", within: "24h", inputs: { image: "${{ inputs.image }}" } }],
  result: result({
    run: text("Id of the run that counts: the newest."),
    version: text("Version of its runbook."),
    finishedAt: text("When it ended, RFC 3339."),
    ageSeconds: whole("Seconds since then."),
    considered: listOf(
      row({ run: text("Id of a run."), why: text("Why it does not count.") }),
      "Newer runs on that target that do not count.",
    ),
  }),
  action: (spec) => ({
    text: `look for a run of ${spec.runbook} on ${spec.target} that succeeded within ${spec.within}${inputsText(spec)}`,
    argv: null,
  }),
  async run(spec, host) {
    const withinMs = durationMs(spec.within, "within");
    const nowMs = host.clock.now().getTime();
    const considered: { run: string; why: string }[] = [];
    for (const run of host.finishedRuns()) {
      if (run.runbook !== spec.runbook || run.target !== spec.target || run.run === host.run.id) continue;
      const why = objection(spec, run, nowMs, withinMs) ?? (await brokenEvidence(run));
      if (why !== null) {
        considered.push({ run: run.run, why });
        continue;
      }
      return {
        run: run.run,
        version: run.version,
        finishedAt: run.finishedAt,
        ageSeconds: Math.max(0, Math.floor((nowMs - Date.parse(run.finishedAt)) / 1_000)),
        considered,
      };
    }
    const found =
      considered.length === 0
        ? `There is no finished run of ${spec.runbook} on ${spec.target} in this state directory.`
        : `Of ${considered.length} finished runs none counts: ${considered
            .slice(0, told)
            .map(({ run, why }) => `${run} ${why}`)
            .join("; ")}${considered.length > told ? "; …" : ""}.`;
    throw new StepFailure(
      "refused",
      "not-proven",
      `Not proven: no run of ${spec.runbook} on ${spec.target} succeeded within ${spec.within}${inputsText(spec)}. ${found} Type: ${commandLine(spec)}`,
      { facts: { runbook: spec.runbook, target: spec.target, considered: considered.slice(0, 20) } },
    );
  },
});

/** Null = it counts, as far as its record says. */
function objection(spec: ProofSpec, run: FinishedRun, nowMs: number, withinMs: number): string | null {
  if (run.result !== "succeeded") return `ended as ${run.result}`;
  for (const [name, wanted] of Object.entries(spec.inputs ?? {})) {
    if (!(name in run.inputs)) return `had no input ${name}`;
    const had = JSON.stringify(run.inputs[name]);
    if (had !== JSON.stringify(wanted)) return `had another ${name} (${had.slice(0, 120)})`;
  }
  const ageMs = nowMs - Date.parse(run.finishedAt);
  // A clock that was set back must not make an old proof young for ever.
  if (ageMs < -60_000) return `ended at ${run.finishedAt}, which is still to come`;
  return ageMs <= withinMs ? null : `is too old (${run.finishedAt})`;
}

async function brokenEvidence(run: FinishedRun): Promise<string | null> {
  const [first] = await run.problems();
  return first === undefined ? null : `has evidence that does not hold (${first})`;
}

function inputsText(spec: ProofSpec): string {
  if (typeof spec.inputs !== "object") return spec.inputs === undefined ? "" : ` with ${String(spec.inputs)}`;
  const pairs = Object.entries(spec.inputs).map(([name, value]) => `${name} ${textOf(value)}`);
  return pairs.length === 0 ? "" : ` with ${pairs.join(", ")}`;
}

function commandLine(spec: ProofSpec): string {
  const inputs = Object.entries(spec.inputs ?? {}).map(([name, value]) => ` -i ${name}=${textOf(value)}`);
  return `runbook run ${spec.runbook} -t ${spec.target}${inputs.join("")}`;
}

const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
