/** Objects as GitHub's REST description has them, with every field it requires. */
import { createHash } from "node:crypto";

/** What URLs of one repository begin with. */
export interface Place {
  /** Base URL of the stand-in. */
  readonly base: string;
  /** `owner/name` */
  readonly repository: string;
}

export function nodeId(kind: string, id: number): string {
  return Buffer.from(`0${kind.length}:${kind}${id}`).toString("base64");
}

export function repositoryUrl({ base, repository }: Place): string {
  return `${base}/repos/${repository}`;
}

const userLinks = [
  "followers",
  "following",
  "gists",
  "starred",
  "subscriptions",
  "organizations",
  "repos",
  "events",
  "received_events",
];

export function user(base: string, login: string, id = 1) {
  const url = `${base}/users/${login}`;
  return {
    login,
    id,
    node_id: nodeId("User", id),
    avatar_url: `${base}/avatars/u/${id}`,
    gravatar_id: "",
    url,
    html_url: `${base}/${login}`,
    ...Object.fromEntries(userLinks.map((name) => [`${name}_url`, `${url}/${name}`])),
    type: "User",
    site_admin: false,
  };
}

const repositoryLinks: Readonly<Record<string, string>> = {
  archive: "{archive_format}{/ref}",
  assignees: "assignees{/user}",
  blobs: "git/blobs{/sha}",
  branches: "branches{/branch}",
  collaborators: "collaborators{/collaborator}",
  comments: "comments{/number}",
  commits: "commits{/sha}",
  compare: "compare/{base}...{head}",
  contents: "contents/{+path}",
  contributors: "contributors",
  deployments: "deployments",
  downloads: "downloads",
  events: "events",
  forks: "forks",
  git_commits: "git/commits{/sha}",
  git_refs: "git/refs{/sha}",
  git_tags: "git/tags{/sha}",
  hooks: "hooks",
  issue_comment: "issues/comments{/number}",
  issue_events: "issues/events{/number}",
  issues: "issues{/number}",
  keys: "keys{/key_id}",
  labels: "labels{/name}",
  languages: "languages",
  merges: "merges",
  milestones: "milestones{/number}",
  notifications: "notifications{?since,all,participating}",
  pulls: "pulls{/number}",
  releases: "releases{/id}",
  stargazers: "stargazers",
  statuses: "statuses/{sha}",
  subscribers: "subscribers",
  subscription: "subscription",
  tags: "tags",
  teams: "teams",
  trees: "git/trees{/sha}",
};

export function repository(place: Place) {
  const [owner = "", name = ""] = place.repository.split("/");
  const url = repositoryUrl(place);
  return {
    id: 1296269,
    node_id: nodeId("Repository", 1296269),
    name,
    full_name: place.repository,
    owner: user(place.base, owner),
    private: true,
    html_url: `${place.base}/${place.repository}`,
    description: null,
    fork: false,
    url,
    ...Object.fromEntries(Object.entries(repositoryLinks).map(([link, path]) => [`${link}_url`, `${url}/${path}`])),
    default_branch: "main",
  };
}

export function actionsApp(base: string) {
  return {
    id: 15368,
    slug: "github-actions",
    node_id: nodeId("App", 15368),
    owner: user(base, "github", 9919),
    name: "GitHub Actions",
    description: "Automate your workflow from idea to production",
    external_url: `${base}/features/actions`,
    html_url: `${base}/apps/github-actions`,
    created_at: "2018-07-30T09:30:17Z",
    updated_at: "2024-04-10T20:33:16Z",
    permissions: { actions: "write", checks: "write" },
    events: ["check_run"],
  };
}

/** A commit id that belongs to a name: 40 hexadecimal digits. */
export function shaOf(name: string): string {
  return createHash("sha1").update(name).digest("hex");
}
