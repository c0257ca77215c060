/**
 * Whether the required checks of one commit passed: each must be there, be about this commit, be completed and be
 * `success`. Skipped and neutral checks have tested nothing, so they do not pass.
 */
import { aList, anObject, aText, or, type Shape } from "../fly/shape.ts";
import { closed, listOf, nullable, result, row, text } from "../schema.ts";
import { defineStepType, StepFailure, type StepHost } from "../step-type.ts";
import { type GithubSpec, githubFields, githubPages, githubRequired, repositoryPath } from "./api.ts";

interface ChecksSpec extends GithubSpec {
  readonly sha: string;
  readonly required: readonly string[];
}

type Outcome = "success" | "pending" | "missing" | "failed";

interface Check {
  readonly name: string;
  readonly outcome: Outcome;
  /** Check runs have a conclusion, commit statuses a state. */
  readonly said: string | null;
  readonly url: string | null;
}

interface ChecksResult {
  readonly sha: string;
  readonly checks: readonly Check[];
  readonly others: readonly string[];
}

/** A check run or a commit status, as far as this asks. */
interface Seen {
  readonly name: string;
  readonly sha: string;
  readonly outcome: Exclude<Outcome, "missing">;
  readonly said: string;
  readonly url: string | null;
}

interface CheckRun {
  readonly name: string;
  readonly head_sha: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly html_url: string | null;
}

interface Status {
  readonly context: string;
  readonly state: string;
  readonly target_url: string | null;
}

const checkRun = anObject<CheckRun>({
  name: aText,
  head_sha: aText,
  status: aText,
  conclusion: or(aText, null),
  html_url: or(aText, null),
});
const status = anObject<Status>({ context: aText, state: aText, target_url: or(aText, null) });

const runsPage: Shape<readonly CheckRun[]> = (value, at) =>
  anObject<{ check_runs: CheckRun[] }>({ check_runs: aList(checkRun) })(value, at).check_runs;

const statusPage: Shape<readonly (Status & { readonly sha: string })[]> = (value, at) => {
  const { sha, statuses } = anObject<{ sha: string; statuses: Status[] }>({ sha: aText, statuses: aList(status) })(
    value,
    at,
  );
  return statuses.map((each) => ({ ...each, sha }));
};

export const githubChecks = defineStepType<ChecksSpec, ChecksResult>({
  type: "github/checks",
  summary:
    "Checks that the required checks of a commit are there and succeeded; missing, skipped and neutral ones fail. Still running ones are a `transient` failure: `retry` waits for them.",
  docs: "https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference",
  effects: "read",
  timeoutMs: 120_000,
  input: closed(
    {
      ...githubFields,
      sha: text("Full commit id, 40 hexadecimal digits: a branch would move on under the check.", {
        pattern: "^[0-9a-f]{40}$",
      }),
      required: listOf({ type: "string", minLength: 1 }, "Names of the checks or status contexts that must succeed.", {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
      }),
    },
    [...githubRequired, "sha", "required"],
  ),
  examples: [
    {
      repository: "acme/shop",
      token: "${{ secrets.GITHUB_TOKEN }}",
      sha: "3f2a9c1d5e7b8a6049c2d1e3f4a5b6c7d8e9f0a1",
      required: ["build", "test"],
    },
  ],
  result: result({
    sha: text("The commit."),
    checks: listOf(
      row({
        name: text("Name as required."),
        outcome: text("`success`, `failed`, `pending` or `missing`.", {
          enum: ["success", "failed", "pending", "missing"],
        }),
        said: nullable(text("GitHub's own word, such as `skipped` or `in_progress`; null when it is missing.")),
        url: nullable(text("Page of the check.")),
      }),
      "The required checks, in the order they were asked for.",
    ),
    others: listOf(text("Name."), "Names of checks that were not required."),
  }),
  secretFields: ["token"],
  action: (spec) => ({
    text: `read the checks of ${spec.repository}@${spec.sha.slice(0, 12)}: ${spec.required.join(", ")}`,
    argv: null,
  }),
  async run(spec, host) {
    const seen = await seenOf(spec, host);
    const checks = spec.required.map((name) => judged(name, spec.sha, seen));
    const others = [...new Set(seen.map((each) => each.name))].filter((name) => !spec.required.includes(name)).sort();
    const result: ChecksResult = { sha: spec.sha, checks, others };
    const open = checks.filter((check) => check.outcome !== "success");
    if (open.length === 0) return result;
    const isOver = open.some((check) => check.outcome !== "pending");
    throw new StepFailure(
      isOver ? "failed" : "transient",
      isOver ? "checks-not-passed" : "checks-pending",
      `${spec.repository}@${spec.sha.slice(0, 12)}: ${open.map(sentence).join("; ")}.`,
      { facts: { sha: spec.sha, open: open.map(({ name, outcome, said }) => ({ name, outcome, said })) }, result },
    );
  },
});

async function seenOf(spec: ChecksSpec, host: StepHost): Promise<Seen[]> {
  const commit = repositoryPath(spec, "commits", spec.sha);
  const runs = await githubPages(host, spec, `${commit}/check-runs`, runsPage, { filter: "latest" });
  const statuses = await githubPages(host, spec, `${commit}/status`, statusPage);
  return [
    ...runs.map((run): Seen => {
      const isOver = run.status === "completed";
      const said = isOver ? (run.conclusion ?? "completed without a conclusion") : run.status;
      const outcome = !isOver ? "pending" : run.conclusion === "success" ? "success" : "failed";
      return { name: run.name, sha: run.head_sha, outcome, said, url: run.html_url };
    }),
    ...statuses.map((each): Seen => {
      const outcome = each.state === "success" ? "success" : each.state === "pending" ? "pending" : "failed";
      return { name: each.context, sha: each.sha, outcome, said: each.state, url: each.target_url };
    }),
  ];
}

/** Several apps may report under one name: the worst of them counts. */
function judged(name: string, sha: string, seen: readonly Seen[]): Check {
  const named = seen.filter((each) => each.name === name);
  const own = named.filter((each) => each.sha === sha);
  const worst = (["failed", "pending", "success"] as const)
    .map((outcome) => own.find((each) => each.outcome === outcome))
    .find((each) => each !== undefined);
  if (worst !== undefined) return { name, outcome: worst.outcome, said: worst.said, url: worst.url };
  const other = named[0];
  return other === undefined
    ? { name, outcome: "missing", said: null, url: null }
    : { name, outcome: "missing", said: `${other.said} on ${other.sha.slice(0, 12)}, another commit`, url: other.url };
}

function sentence({ name, outcome, said }: Check): string {
  switch (outcome) {
    case "missing":
      return `${name} is missing${said === null ? "" : ` (${said})`}`;
    case "pending":
      return `${name} is still ${said?.replaceAll("_", " ")}`;
    default:
      return `${name} is ${said?.replaceAll("_", " ")}, not success`;
  }
}
