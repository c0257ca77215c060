import type { IncomingHttpHeaders } from "node:http";

/** A request to a stand-in, with the service's own path. */
export interface ServiceCall {
  readonly method: string;
  /** Below the service's base URL, starting with a slash; no query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Base URL of this service. */
  readonly base: string;
  /** The state the service was put into; one of its `states`. */
  readonly state: string;
  /** The dummy secrets of this service. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Folder of this service alone, for one that needs files; it need not exist. */
  readonly home: string;
  /** Public URLs of the sandbox's apps, by name. */
  readonly apps: Readonly<Record<string, string>>;
  /** What the service keeps over restarts; assign to change it. */
  data: unknown;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is; everything else as JSON. */
  readonly body: unknown;
}

/**
 * The stand-in of one vendor: it speaks the vendor's documented contract, with its failures. Besides its own states every
 * service knows the common ones (`commonStates`), so a test or a person can break it on purpose.
 */
export interface Service {
  /** Names of the secrets that it takes; their values are dummies, random per sandbox. */
  readonly secrets: readonly string[];
  /** States of its own; the first is where it starts. */
  readonly states: readonly [string, ...string[]];
  /** What it keeps at first. */
  readonly data?: unknown;
  answer(call: ServiceCall): ServiceAnswer | Promise<ServiceAnswer>;
}

/** What any service in front of a proxy may do instead of answering. */
export const commonStates = {
  down: {
    status: 503,
    headers: { "content-type": "text/html" },
    body: "<html><body>503 Service Unavailable</body></html>",
  },
  html: { status: 200, headers: { "content-type": "text/html" }, body: "<html><body>Log in to continue</body></html>" },
  limited: { status: 429, headers: { "retry-after": "1" }, body: { error: "Too many requests" } },
  "limited-blind": { status: 429, body: { error: "Too many requests" } },
} as const satisfies Record<string, ServiceAnswer>;

/** More that need the socket: it answers late, it accepts and never answers, it hangs up in the middle of an answer. */
const socketStates = ["slow", "silent", "half"] as const;

/** How much later the state `slow` answers, milliseconds. */
export const slowMs = 600;

/** Every state of a service, its own first. */
export function statesOf(service: Service): readonly string[] {
  return [...service.states, ...Object.keys(commonStates), ...socketStates];
}
