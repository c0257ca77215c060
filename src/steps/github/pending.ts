/** Environments a workflow run waits for. */
import { aList, anObject, aText, aTruth, aWhole, or } from "../fly/shape.ts";
import type { StepHost } from "../step-type.ts";
import { type GithubSpec, githubRead, repositoryPath } from "./api.ts";

export interface Pending {
  readonly environment: string;
  readonly environmentId: number;
  readonly canApprove: boolean;
  readonly reviewers: readonly string[];
}

interface PendingRow {
  readonly environment: { readonly id: number; readonly name: string };
  readonly current_user_can_approve: boolean;
  readonly reviewers: readonly { readonly reviewer: { readonly login: string; readonly slug: string } | null }[];
}

const rows = aList(
  anObject<PendingRow>({
    environment: anObject({ id: aWhole, name: aText }),
    current_user_can_approve: aTruth,
    reviewers: aList(anObject({ reviewer: or(anObject({ login: or(aText, ""), slug: or(aText, "") }), null) })),
  }),
);

export async function pendingOf(host: StepHost, spec: GithubSpec, run: number): Promise<Pending[]> {
  const path = repositoryPath(spec, "actions", "runs", run, "pending_deployments");
  return (await githubRead(host, spec, path, rows)).map((each) => ({
    environment: each.environment.name,
    environmentId: each.environment.id,
    canApprove: each.current_user_can_approve,
    reviewers: each.reviewers.map(({ reviewer }) => reviewer?.login || reviewer?.slug || "unknown"),
  }));
}
