/**
 * GitHub's REST API, as far as runbooks use it: routes and objects of the published description
 * (`test/fixtures/contracts/github-rest.openapi.trimmed.json`; tests hold every answer against it). Any repository
 * `OWNER/NAME` exists and has the workflows `deploy.yml`, `nightly.yml` and `ci.yml` and the environments `staging` and
 * `production`; any commit has the checks `test`, `lint`, `build` and the status `deploy-preview`.
 */

import { actionRoutes, actionStates } from "./github/actions.ts";
import { checkStates, commitRoutes } from "./github/commits.ts";
import { deploymentRoutes, deploymentStates } from "./github/deployments.ts";
import { secretRoutes, secretStates } from "./github/secrets.ts";
import { emptyState, type GithubState, notFound, type Route } from "./github/state.ts";
import type { Service, ServiceAnswer, ServiceCall } from "./service.ts";

const routes: readonly Route[] = [...commitRoutes, ...actionRoutes, ...deploymentRoutes, ...secretRoutes];

const documentation = "https://docs.github.com/rest";

/** Limits: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
const refusals: Readonly<Record<string, ServiceAnswer>> = {
  // Secondary limit that does not say for how long.
  "limited-unsaid": {
    status: 403,
    body: {
      message: "You have exceeded a secondary rate limit. Please wait a few minutes.",
      documentation_url: documentation,
    },
  },
  "limited-429": { status: 429, body: { message: "API rate limit exceeded", documentation_url: documentation } },
  "quota-used-up": {
    status: 403,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800" },
    body: { message: "API rate limit exceeded for user ID 1.", documentation_url: documentation },
  },
  forbidden: {
    status: 403,
    headers: { "x-accepted-github-permissions": "secrets=write" },
    body: { message: "Resource not accessible by personal access token", documentation_url: documentation },
  },
  "server-error": { status: 502, body: { message: "Server Error" } },
};

export const github: Service = {
  secrets: ["GITHUB_TOKEN"],
  states: ["ok", ...checkStates, ...actionStates, ...deploymentStates, ...secretStates, ...Object.keys(refusals)],
  data: emptyState,
  answer(call) {
    const refusal = refusals[call.state];
    if (refusal !== undefined) return refusal;
    const authorization = call.headers.authorization ?? "";
    if (authorization.replace(/^(?:bearer|token) +/i, "") !== call.secrets["GITHUB_TOKEN"])
      return { status: 401, body: { message: "Bad credentials", documentation_url: documentation, status: "401" } };
    const [, repository = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)(\/.*)$/.exec(call.path) ?? [];
    for (const [method, pattern, handle] of routes) {
      const found = method === call.method ? pattern.exec(rest) : null;
      if (found === null) continue;
      const body = bodyOf(call);
      if (body === null) return { status: 400, body: { message: "Problems parsing JSON" } };
      const state = structuredClone(call.data) as GithubState;
      const answer = handle({
        call,
        state,
        base: call.base,
        repository,
        parts: found.slice(1).map(decodeURIComponent),
        body,
        now: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      });
      if (JSON.stringify(state) !== JSON.stringify(call.data)) call.data = state;
      return answer;
    }
    return notFound;
  },
};

function bodyOf({ body }: ServiceCall): Readonly<Record<string, unknown>> | null {
  if (body.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
