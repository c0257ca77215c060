/** What the stand-in of GitHub keeps. */
import type { ServiceAnswer, ServiceCall } from "../service.ts";

export interface KeptSecret {
  /** The sealed box as it came, base64. */
  readonly sealed: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface KeptKey {
  readonly id: string;
  /** Raw X25519 keys, base64. */
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface KeptRun {
  readonly id: number;
  readonly workflow: string;
  readonly ref: string;
  readonly title: string;
  readonly createdAt: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** How often it was asked for: it moves on with each. */
  asked: number;
  /** Review of the environment it waits for; null = none given yet. */
  review: "approved" | "rejected" | null;
}

export interface KeptDeployment {
  readonly id: number;
  readonly ref: string;
  readonly environment: string;
  readonly task: string;
  readonly description: string;
  readonly payload: unknown;
  readonly createdAt: string;
  readonly statuses: {
    readonly id: number;
    readonly state: string;
    readonly description: string;
    readonly logUrl: string;
    readonly createdAt: string;
  }[];
}

export interface GithubState {
  lastId: number;
  /** Scope (`repository` or the name of an environment) → its key pair. */
  keys: Record<string, KeptKey>;
  secrets: Record<string, Record<string, KeptSecret>>;
  runs: KeptRun[];
  deployments: KeptDeployment[];
}

export const emptyState: GithubState = { lastId: 1000, keys: {}, secrets: {}, runs: [], deployments: [] };

/** One request, with the repository and the parts of the path taken out. */
export interface GithubCall {
  readonly call: ServiceCall;
  readonly state: GithubState;
  readonly base: string;
  /** `owner/name` */
  readonly repository: string;
  /** What the route's pattern captured, decoded. */
  readonly parts: readonly string[];
  /** The body as JSON, `{}` when there is none. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly now: string;
}

export type Handler = (asked: GithubCall) => ServiceAnswer;
/** Method, pattern below `/repos/OWNER/NAME`, handler. */
export type Route = readonly [string, RegExp, Handler];

export const notFound: ServiceAnswer = {
  status: 404,
  body: { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" },
};

export function unprocessable(message: string): ServiceAnswer {
  return { status: 422, body: { message, documentation_url: "https://docs.github.com/rest", status: "422" } };
}

/** The rows of the page that was asked for. */
export function pageOf<T>({ call }: GithubCall, rows: readonly T[]): T[] {
  const size = Math.min(100, Number(call.query.get("per_page") ?? 30) || 30);
  const page = Math.max(1, Number(call.query.get("page") ?? 1) || 1);
  return rows.slice((page - 1) * size, page * size);
}

export function textIn(body: Readonly<Record<string, unknown>>, name: string, otherwise = ""): string {
  const value = body[name];
  return typeof value === "string" ? value : otherwise;
}
