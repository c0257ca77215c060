/** Environments with their protection, deployments and their statuses. */
import { nodeId, repositoryUrl, shaOf, user } from "./objects.ts";
import { type GithubCall, type KeptDeployment, notFound, pageOf, type Route, textIn, unprocessable } from "./state.ts";

export const environmentNames = ["staging", "production"] as const;
export const deploymentStates = ["deployment-merged", "deployment-conflict", "unprotected"];

export function environmentId(name: string): number {
  return 161171787 + environmentNames.indexOf(name as "staging");
}

function environment(asked: GithubCall, name: string) {
  const id = environmentId(name);
  const isProtected = name === "production" && asked.call.state !== "unprotected";
  return {
    id,
    node_id: nodeId("Environment", id),
    name,
    url: `${repositoryUrl(asked)}/environments/${name}`,
    html_url: `${asked.base}/${asked.repository}/deployments/activity_log?environments_filter=${name}`,
    created_at: "2026-01-10T09:00:00Z",
    updated_at: "2026-01-10T09:00:00Z",
    protection_rules: isProtected
      ? [
          {
            id: 3515,
            node_id: nodeId("GateRule", 3515),
            type: "required_reviewers",
            prevent_self_review: true,
            reviewers: [{ type: "User", reviewer: user(asked.base, "manager", 2) }],
          },
          { id: 3516, node_id: nodeId("GateRule", 3516), type: "branch_policy" },
        ]
      : [],
    deployment_branch_policy: isProtected ? { protected_branches: true, custom_branch_policies: false } : null,
  };
}

function deployment(asked: GithubCall, kept: KeptDeployment) {
  const url = `${repositoryUrl(asked)}/deployments/${kept.id}`;
  return {
    url,
    id: kept.id,
    node_id: nodeId("Deployment", kept.id),
    sha: /^[0-9a-f]{40}$/.test(kept.ref) ? kept.ref : shaOf(kept.ref),
    ref: kept.ref,
    task: kept.task,
    payload: kept.payload,
    original_environment: kept.environment,
    environment: kept.environment,
    description: kept.description,
    creator: user(asked.base, "operator"),
    created_at: kept.createdAt,
    updated_at: kept.statuses.at(-1)?.createdAt ?? kept.createdAt,
    statuses_url: `${url}/statuses`,
    repository_url: repositoryUrl(asked),
  };
}

function statusObject(asked: GithubCall, kept: KeptDeployment, status: KeptDeployment["statuses"][number]) {
  const url = `${repositoryUrl(asked)}/deployments/${kept.id}`;
  return {
    url: `${url}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId("DeploymentStatus", status.id),
    state: status.state,
    creator: user(asked.base, "operator"),
    description: status.description,
    environment: kept.environment,
    target_url: status.logUrl,
    log_url: status.logUrl,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    deployment_url: url,
    repository_url: repositoryUrl(asked),
  };
}

const deploymentAt = ({ state, parts }: GithubCall) => state.deployments.find(({ id }) => String(id) === parts[0]);

export const deploymentRoutes: readonly Route[] = [
  [
    "GET",
    /^\/environments$/,
    (asked) => {
      const rows = environmentNames.map((name) => environment(asked, name));
      return { status: 200, body: { total_count: rows.length, environments: pageOf(asked, rows) } };
    },
  ],
  [
    "GET",
    /^\/environments\/([^/]+)$/,
    (asked) => {
      const [name = ""] = asked.parts;
      if (!environmentNames.some((each) => each === name)) return notFound;
      return { status: 200, body: environment(asked, name) };
    },
  ],
  [
    "POST",
    /^\/deployments$/,
    (asked) => {
      const ref = textIn(asked.body, "ref");
      if (ref === "") return unprocessable("ref is missing");
      if (asked.call.state === "deployment-merged")
        return { status: 202, body: { message: `Auto-merged main into ${ref} on deployment.` } };
      if (asked.call.state === "deployment-conflict")
        return { status: 409, body: { message: `Conflict: Commit status checks failed for ${ref}.` } };
      const kept: KeptDeployment = {
        id: ++asked.state.lastId,
        ref,
        environment: textIn(asked.body, "environment", "production"),
        task: textIn(asked.body, "task", "deploy"),
        description: textIn(asked.body, "description"),
        payload: asked.body["payload"] ?? "",
        createdAt: asked.now,
        statuses: [],
      };
      asked.state.deployments.push(kept);
      return { status: 201, body: deployment(asked, kept) };
    },
  ],
  [
    "GET",
    /^\/deployments$/,
    (asked) => {
      const { query } = asked.call;
      const rows = asked.state.deployments
        .filter((kept) => (query.get("environment") ?? kept.environment) === kept.environment)
        .filter((kept) => [kept.ref, shaOf(kept.ref)].includes(query.get("sha") ?? query.get("ref") ?? kept.ref))
        .filter((kept) => (query.get("task") ?? kept.task) === kept.task)
        .reverse();
      return { status: 200, body: pageOf(asked, rows).map((kept) => deployment(asked, kept)) };
    },
  ],
  [
    "GET",
    /^\/deployments\/(\d+)\/statuses$/,
    (asked) => {
      const kept = deploymentAt(asked);
      if (kept === undefined) return notFound;
      const rows = [...kept.statuses].reverse();
      return { status: 200, body: pageOf(asked, rows).map((status) => statusObject(asked, kept, status)) };
    },
  ],
  [
    "POST",
    /^\/deployments\/(\d+)\/statuses$/,
    (asked) => {
      const kept = deploymentAt(asked);
      if (kept === undefined) return notFound;
      const status = {
        id: ++asked.state.lastId,
        state: textIn(asked.body, "state"),
        description: textIn(asked.body, "description"),
        logUrl: textIn(asked.body, "log_url", `${asked.base}/logs`),
        createdAt: asked.now,
      };
      if (!["error", "failure", "inactive", "in_progress", "queued", "pending", "success"].includes(status.state))
        return unprocessable("state is not included in the list");
      if (status.description.length > 140) return unprocessable("description is too long (maximum is 140 characters)");
      kept.statuses.push(status);
      return { status: 201, body: statusObject(asked, kept, status) };
    },
  ],
];
