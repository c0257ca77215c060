/**
 * What GitHub Actions used in a while: minutes as they are billed, and how long runs took. GitHub rounds each job up to
 * whole minutes; a larger or another system's runner costs a multiple, which the prices say and the API does not.
 * https://docs.github.com/en/billing/reference/actions-runner-pricing
 */
import { durationField, durationMs } from "../duration.ts";
import { aList, anObject, aText, aWhole, or, type Shape, ShapeMismatch } from "../fly/shape.ts";
import { closed, decimal, listOf, nullable, result, text, whole } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { type GithubSpec, githubFields, githubPages, githubRequired, repositoryPath } from "./api.ts";

interface UsageSpec extends GithubSpec {
  readonly workflows: readonly string[];
  readonly within: string;
  readonly weights?: Readonly<Record<string, number>>;
}

interface WorkflowUsage {
  readonly workflow: string;
  readonly runs: number;
  readonly jobs: number;
  readonly minutes: number;
  readonly selfHostedMinutes: number;
  readonly slowestMs: number | null;
}

interface UsageResult {
  readonly runs: number;
  readonly jobs: number;
  readonly minutes: number;
  readonly selfHostedMinutes: number;
  readonly p95Ms: number | null;
  readonly workflows: readonly WorkflowUsage[];
}

interface Job {
  readonly attempt: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly labels: readonly string[];
}

interface JobRow {
  readonly run_attempt: number;
  readonly runner_id: number;
  readonly started_at: number | null;
  readonly completed_at: number | null;
  readonly labels: readonly string[];
}

const minuteMs = 60_000;
/** What GitHub lists at most of a search by time of creation. */
const mostRuns = 1_000;

const aRunsPage = anObject<{ total_count: number; workflow_runs: { id: number }[] }>({
  total_count: aWhole,
  workflow_runs: aList(anObject<{ id: number }>({ id: aWhole })),
});

const aMoment: Shape<number> = (value, at) => {
  const ms = Date.parse(aText(value, at));
  if (Number.isNaN(ms)) throw new ShapeMismatch(`${at} is ${JSON.stringify(value)}, expected a moment`);
  return ms;
};

const jobRow = anObject<JobRow>({
  run_attempt: or(aWhole, 1),
  runner_id: or(aWhole, 0),
  started_at: or(aMoment, null),
  completed_at: or(aMoment, null),
  labels: or(aList(aText), []),
});

const jobsPage: Shape<readonly JobRow[]> = (value, at) =>
  anObject<{ jobs: JobRow[] }>({ jobs: aList(jobRow) })(value, at).jobs;

export const githubUsage = defineStepType<UsageSpec, UsageResult>({
  type: "github/usage",
  summary:
    "Adds up the minutes that jobs of GitHub Actions workflows used, as they are billed, and how long runs took. Jobs that still run count until now, every attempt counts; jobs that no runner took do not.",
  docs: "https://docs.github.com/en/rest/actions/workflow-jobs",
  effects: "read",
  timeoutMs: 600_000,
  input: closed(
    {
      ...githubFields,
      workflows: listOf(
        text("File name of a workflow, such as `ci.yml`, or its number.", { pattern: "^[A-Za-z0-9_.-]+$" }),
        "The workflows whose runs count.",
        { minItems: 1 },
      ),
      within: durationField("How long ago a run may have been created, such as `30d`."),
      weights: {
        type: "object",
        additionalProperties: { type: "number", minimum: 0 },
        description:
          "Label of a runner → how many minutes one of its minutes counts, such as `{ windows-latest: 2 }`; others count once.",
      },
    },
    [...githubRequired, "workflows", "within"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      workflows: ["ci.yml"],
      within: "30d",
      weights: { "windows-latest": 2 },
    },
  ],
  result: result({
    runs: whole("Runs created in that time."),
    jobs: whole("Their jobs that a runner took."),
    minutes: decimal("Billed minutes: each job rounded up, times the weight of its label."),
    selfHostedMinutes: decimal("Minutes on runners of your own, which GitHub does not bill; rounded up likewise."),
    p95Ms: nullable(
      whole("Milliseconds within which 95 of 100 runs were through, first job to last; null = no run had a job."),
    ),
    workflows: listOf(
      result({
        workflow: text("Its file name."),
        runs: whole("Its runs."),
        jobs: whole("Their jobs."),
        minutes: decimal("Its billed minutes."),
        selfHostedMinutes: decimal("Its minutes on runners of your own."),
        slowestMs: nullable(whole("Its longest run, milliseconds; null when none had a job.")),
      }),
      "The same for each workflow.",
    ),
  }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `add up the minutes of ${Array.isArray(spec.workflows) ? spec.workflows.join(", ") : spec.workflows} of ${spec.repository} within ${spec.within}`,
    argv: null,
  }),
  async run(spec, host) {
    const nowMs = host.clock.now().getTime();
    const sinceMs = nowMs - durationMs(spec.within, "within");
    const workflows: WorkflowUsage[] = [];
    const lengths: number[] = [];
    for (const workflow of spec.workflows) {
      const runs = await runsSince(host, spec, workflow, sinceMs);
      const jobs: Job[] = [];
      const took: number[] = [];
      for (const [index, id] of runs.entries()) {
        const own = await jobsOf(host, spec, id, nowMs);
        jobs.push(...own);
        const ms = lastAttemptMs(own);
        if (ms !== null) took.push(ms);
        if (index % 25 === 24) host.progress(`${workflow}: ${index + 1} of ${runs.length} runs`);
      }
      lengths.push(...took);
      workflows.push({
        workflow,
        runs: runs.length,
        jobs: jobs.length,
        minutes: total(jobs.filter((job) => !isSelfHosted(job)).map((job) => minutesOf(job) * weight(job, spec))),
        selfHostedMinutes: total(jobs.filter(isSelfHosted).map(minutesOf)),
        slowestMs: took.length === 0 ? null : Math.max(...took),
      });
    }
    return {
      runs: total(workflows.map((each) => each.runs)),
      jobs: total(workflows.map((each) => each.jobs)),
      minutes: total(workflows.map((each) => each.minutes)),
      selfHostedMinutes: total(workflows.map((each) => each.selfHostedMinutes)),
      p95Ms: nearestRank(lengths, 0.95),
      workflows,
    };
  },
});

async function runsSince(host: StepHost, spec: UsageSpec, workflow: string, sinceMs: number): Promise<number[]> {
  let total = 0;
  const page: Shape<readonly { id: number }[]> = (value, at) => {
    const read = aRunsPage(value, at);
    total = read.total_count;
    return read.workflow_runs;
  };
  const since = `${new Date(sinceMs).toISOString().slice(0, 19)}Z`;
  const path = repositoryPath(spec, "actions", "workflows", workflow, "runs");
  const rows = await githubPages(host, spec, path, page, { created: `>=${since}` });
  // A run that was created between two pages moves another one onto the next page, where it is listed again.
  const ids = [...new Set(rows.map(({ id }) => id))];
  if (ids.length >= total) return ids;
  const why = total > mostRuns ? `, and lists ${mostRuns} of a search at most` : "";
  throw new StepFailure(
    "failed",
    "usage-incomplete",
    `GitHub listed ${ids.length} of ${total} runs of ${workflow} since ${since}${why}. What was not read cannot be added up: ask with a shorter \`within\`.`,
    { facts: { workflow, listed: ids.length, total } },
  );
}

async function jobsOf(host: StepHost, spec: UsageSpec, run: number, nowMs: number): Promise<Job[]> {
  const rows = await githubPages(host, spec, repositoryPath(spec, "actions", "runs", run, "jobs"), jobsPage, {
    filter: "all",
  });
  return rows.flatMap(({ run_attempt, runner_id, started_at, completed_at, labels }) =>
    runner_id > 0 && started_at !== null
      ? [{ attempt: run_attempt, startedMs: started_at, endedMs: completed_at ?? nowMs, labels }]
      : [],
  );
}

/** From the first job of the last attempt to the end of its last one; null = no job ran. */
function lastAttemptMs(jobs: readonly Job[]): number | null {
  const last = Math.max(...jobs.map((job) => job.attempt));
  const own = jobs.filter((job) => job.attempt === last);
  if (own.length === 0) return null;
  return Math.max(0, Math.max(...own.map((job) => job.endedMs)) - Math.min(...own.map((job) => job.startedMs)));
}

function minutesOf({ startedMs, endedMs }: Job): number {
  return Math.ceil(Math.max(0, endedMs - startedMs) / minuteMs);
}

function isSelfHosted({ labels }: Job): boolean {
  return labels.includes("self-hosted");
}

/** The largest, when several labels of a runner have one. */
function weight({ labels }: Job, { weights = {} }: UsageSpec): number {
  const own = labels.flatMap((label) => (Object.hasOwn(weights, label) ? [weights[label] ?? 1] : []));
  return own.length === 0 ? 1 : Math.max(...own);
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

/** By the nearest-rank method; null = nothing to rank. */
function nearestRank(numbers: readonly number[], share: number): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? null;
}
