/** Keeps what `sample` measured, and says how far a later measurement is from it. */
import { dirname, resolve } from "node:path";
import { isObject } from "../util/json.ts";
import { exitFailure } from "./command-text.ts";
import { closed, decimal, listOf, nullable, result, text, truth } from "./schema.ts";
import { defineStepType, StepFailure, type StepHost } from "./step-type.ts";

interface BaselineSpec {
  readonly file: string;
  readonly name: string;
  readonly sample: unknown;
  readonly tolerance?: number;
  readonly floorMs?: number;
  readonly required?: boolean;
}

interface Measured {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

interface Entry extends Measured {
  readonly measuredAt: string;
  readonly run: string;
}

interface Change {
  readonly measure: string;
  readonly storedMs: number;
  readonly measuredMs: number;
  readonly changePercent: number;
  readonly within: boolean;
}

interface BaselineResult {
  readonly existed: boolean;
  readonly within: boolean;
  readonly changes: readonly Change[];
  readonly storedAt: string | null;
  readonly storedRun: string | null;
  readonly saved: boolean;
}

const format = "runbook.baseline/1.0";
const measures = ["p50Ms", "p95Ms", "p99Ms"] as const;
const defaultTolerance = 20;
const defaultFloorMs = 5;
const noSuchFile = 44;

export const baseline = defineStepType<BaselineSpec, BaselineResult>({
  type: "baseline",
  summary:
    "Compares the percentiles of a `sample` with those kept in a JSON file; with `effects: write` it keeps the new ones instead. Without kept ones it is not `within`, and with `required: true` it fails.",
  docs: "https://sre.google/sre-book/service-level-objectives/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed(
    {
      file: text("Path of the JSON file, relative to the step's working directory.", { minLength: 1 }),
      name: text("What was measured, such as the endpoint; one file holds many.", { minLength: 1, maxLength: 200 }),
      sample: {
        type: "object",
        description:
          "Result of a `sample` step, as `${{ steps.measure.outputs.sample }}`: `p50Ms p95Ms p99Ms`, `errors`.",
      },
      tolerance: {
        type: "number",
        minimum: 0,
        description: `How far it may be off, percent; default ${defaultTolerance}.`,
      },
      floorMs: {
        type: "number",
        minimum: 0,
        description: `A difference up to so many milliseconds is none, whatever its share; default ${defaultFloorMs}.`,
      },
      required: truth("Fail when nothing is kept under this name yet; default false."),
    },
    ["file", "name", "sample"],
  ),
  examples: [
    {
      file: "baselines/${{ target.name }}.json",
      name: "/healthz",
      sample: "${{ steps.measure.outputs.sample }}",
      tolerance: 20,
    },
    { file: "baselines.json", name: "/", sample: "${{ steps.measure.outputs.sample }}", floorMs: 10, required: true },
  ],
  result: result({
    existed: truth("Whether there was something to compare with."),
    within: truth("Whether every percentile is within the tolerance; false when there was nothing to compare with."),
    changes: listOf(
      result({
        measure: text("`p50Ms`, `p95Ms` or `p99Ms`."),
        storedMs: decimal("What was kept, milliseconds."),
        measuredMs: decimal("What was measured now, milliseconds."),
        changePercent: decimal("How much more; negative = faster."),
        within: truth("Whether that is within the tolerance."),
      }),
      "One row per percentile; empty when there was nothing to compare with.",
    ),
    storedAt: nullable(text("When the kept one was measured, RFC 3339.")),
    storedRun: nullable(text("Run that kept it.")),
    saved: truth("Whether this measurement is the kept one now."),
  }),
  stepKeys: ["cwd"],
  action: (spec) => ({ text: `compare ${spec.name} with ${spec.file}, or keep it there`, argv: null }),
  async run(spec, host) {
    const measured = measuredOf(spec.sample);
    const file = resolve(host.files.workDir, spec.file);
    const entries = await read(host, file);
    const stored = Object.hasOwn(entries, spec.name) ? entryOf(entries[spec.name], file, spec.name) : null;
    if (stored === null && spec.required === true) {
      throw new StepFailure(
        "failed",
        "baseline-missing",
        `Nothing is kept for ${JSON.stringify(spec.name)} in ${file}: there is nothing to compare with, and that is no pass. Keep a first one with a step that has \`effects: write\`.`,
        { facts: { file, name: spec.name } },
      );
    }
    const changes = stored === null ? [] : measures.map((measure) => changeOf(spec, measure, stored, measured));
    const keeps = host.effects !== "read";
    if (keeps) {
      const entry: Entry = { ...measured, measuredAt: host.clock.now().toISOString(), run: host.run.id };
      await write(host, file, { ...entries, [spec.name]: entry });
    }
    return {
      existed: stored !== null,
      within: stored !== null && changes.every((change) => change.within),
      changes,
      storedAt: stored?.measuredAt ?? null,
      storedRun: stored?.run ?? null,
      saved: keeps,
    };
  },
});

function changeOf(
  spec: BaselineSpec,
  measure: (typeof measures)[number],
  stored: Measured,
  measured: Measured,
): Change {
  const differenceMs = measured[measure] - stored[measure];
  const changePercent = stored[measure] === 0 ? (differenceMs === 0 ? 0 : 100) : (differenceMs / stored[measure]) * 100;
  const within =
    Math.abs(differenceMs) <= (spec.floorMs ?? defaultFloorMs) ||
    Math.abs(changePercent) <= (spec.tolerance ?? defaultTolerance);
  return {
    measure,
    storedMs: stored[measure],
    measuredMs: measured[measure],
    changePercent: Math.round(changePercent * 10) / 10,
    within,
  };
}

function measuredOf(sample: unknown): Measured {
  const found = isObject(sample) ? percentiles(sample) : null;
  if (found === null || !isObject(sample)) {
    throw new StepFailure(
      "failed",
      "sample-invalid",
      `\`sample\` has no ${measures.join(", ")}: give it the result of a \`sample\` step.`,
    );
  }
  const errors = sample["errors"] ?? 0;
  if (errors !== 0) {
    throw new StepFailure(
      "failed",
      "sample-with-errors",
      `The sample has ${errors} errors: times of the answers that came say little, and are neither compared nor kept.`,
      { facts: { errors: Number(errors) } },
    );
  }
  return found;
}

function percentiles(value: Readonly<Record<string, unknown>>): Measured | null {
  const numbers = measures.map((measure) => value[measure]);
  if (!numbers.every((number) => typeof number === "number" && Number.isFinite(number) && number >= 0)) return null;
  const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = numbers as number[];
  return { p50Ms, p95Ms, p99Ms };
}

function entryOf(value: unknown, file: string, name: string): Entry {
  const found = isObject(value) ? percentiles(value) : null;
  if (found === null || !isObject(value)) throw damaged(file, `its entry ${JSON.stringify(name)} has no percentiles`);
  return { ...found, measuredAt: String(value["measuredAt"] ?? ""), run: String(value["run"] ?? "") };
}

async function read(host: StepHost, file: string): Promise<Readonly<Record<string, unknown>>> {
  const script = `test -e "$BASELINE_FILE" || exit ${noSuchFile}; cat -- "$BASELINE_FILE"`;
  const ended = await host.command(["sh", "-c", script], { env: { BASELINE_FILE: file }, effects: "read" });
  if (ended.exitCode === noSuchFile) return {};
  if (ended.exitCode !== 0) throw exitFailure(`reading ${file}`, ended);
  let kept: unknown;
  try {
    kept = JSON.parse(ended.stdout);
  } catch (cause) {
    throw damaged(file, "it is no JSON", cause);
  }
  if (!isObject(kept) || kept["format"] !== format || !isObject(kept["entries"]))
    throw damaged(file, `it is not ${format}`);
  return kept["entries"];
}

/** The old file stays whole until the new one is: written aside, synced, renamed. */
async function write(host: StepHost, file: string, entries: Readonly<Record<string, unknown>>): Promise<void> {
  const sorted = Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  const script =
    'mkdir -p -- "$BASELINE_FOLDER" && cat > "$BASELINE_FILE.$BASELINE_RUN" && sync -- "$BASELINE_FILE.$BASELINE_RUN" && mv -- "$BASELINE_FILE.$BASELINE_RUN" "$BASELINE_FILE" && sync -- "$BASELINE_FOLDER"';
  const ended = await host.command(["sh", "-c", script], {
    env: { BASELINE_FILE: file, BASELINE_FOLDER: dirname(file), BASELINE_RUN: host.run.slug },
    stdin: `${JSON.stringify({ format, entries: sorted }, null, 2)}\n`,
  });
  if (ended.exitCode !== 0) throw exitFailure(`writing ${file}`, ended);
}

function damaged(file: string, why: string, cause?: unknown): StepFailure {
  return new StepFailure(
    "failed",
    "baseline-damaged",
    `${file} is no file of baselines: ${why}. Nothing was compared or kept; repair it, or take it out of the way.`,
    { cause, facts: { file } },
  );
}
