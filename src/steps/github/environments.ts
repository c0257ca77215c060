/** Environments of a repository and what protects them. */
import { aList, anObject, aText, aTruth, aWhole, or, type Shape } from "../fly/shape.ts";
import { closed, listOf, result, row, text, truth, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { type GithubSpec, githubFields, githubPages, githubRequired, repositoryPath } from "./api.ts";

interface Environment {
  readonly name: string;
  readonly id: number;
  readonly reviewers: readonly string[];
  readonly preventSelfReview: boolean;
  readonly waitMinutes: number;
  readonly branchPolicy: boolean;
}

interface Rule {
  readonly type: string;
  readonly wait_timer: number;
  readonly prevent_self_review: boolean;
  readonly reviewers: readonly { readonly reviewer: { readonly login: string; readonly slug: string } | null }[];
}

const rule = anObject<Rule>({
  type: aText,
  wait_timer: or(aWhole, 0),
  prevent_self_review: or(aTruth, false),
  reviewers: or(aList(anObject({ reviewer: or(anObject({ login: or(aText, ""), slug: or(aText, "") }), null) })), []),
});

const page: Shape<readonly Environment[]> = (value, at) => {
  const read = anObject<{ environments: { name: string; id: number; protection_rules: Rule[] }[] }>({
    environments: aList(anObject({ name: aText, id: aWhole, protection_rules: or(aList(rule), []) })),
  })(value, at);
  return read.environments.map(({ name, id, protection_rules: rules }) => {
    const review = rules.find((each) => each.type === "required_reviewers");
    return {
      name,
      id,
      // People have a login, teams a slug.
      reviewers: (review?.reviewers ?? []).map(({ reviewer }) => reviewer?.login || reviewer?.slug || "unknown"),
      preventSelfReview: review?.prevent_self_review ?? false,
      waitMinutes: rules.find((each) => each.type === "wait_timer")?.wait_timer ?? 0,
      branchPolicy: rules.some((each) => each.type === "branch_policy"),
    };
  });
};

export const githubEnvironments = defineStepType<GithubSpec, { readonly environments: readonly Environment[] }>({
  type: "github/environments",
  summary:
    "Lists the environments of a GitHub repository with the reviewers, timers and branch rules that protect them.",
  docs: "https://docs.github.com/en/rest/deployments/environments#list-environments",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(githubFields, githubRequired),
  examples: [{ repository: "acme/shop", token: "${{ secrets.GITHUB_TOKEN }}" }],
  result: result({
    environments: listOf(
      row({
        name: text("Name."),
        id: whole("Number, as reviews of a run name it."),
        reviewers: listOf(text("Login or team."), "Who may approve; empty = nobody has to."),
        preventSelfReview: truth("Whether the starter may not approve."),
        waitMinutes: whole("Minutes each deployment waits."),
        branchPolicy: truth("Whether only some branches may deploy to it."),
      }),
      "The environments.",
    ),
  }),
  secretFields: ["token"],
  action: (spec) => ({ text: `list the environments of ${spec.repository}`, argv: null }),
  run: async (spec, host) => ({
    environments: await githubPages(host, spec, repositoryPath(spec, "environments"), page),
  }),
});
