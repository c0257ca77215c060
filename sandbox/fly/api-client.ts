import { type IncomingMessage, request } from "node:http";
import type { CheckStatus, MachineEvent } from "../model.ts";

/** What `fly` reads of a machine; the full shape is `machineJson`. */
export interface MachineJson {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly region: string;
  readonly instance_id: string;
  readonly updated_at: string;
  readonly created_at: string;
  readonly cordoned: boolean;
  readonly image_ref: { readonly repository: string; readonly tag: string; readonly digest: string };
  readonly config: { readonly image: string; readonly metadata: Readonly<Record<string, string>> };
  readonly events: readonly (MachineEvent & {
    readonly request?: {
      readonly restart_count?: number;
      readonly exit_event?: { requested_stop: boolean; restarting: boolean; exit_code: number };
    };
  })[];
  readonly checks: readonly CheckStatus[];
}

/** An answer of the control API that is not 2xx. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Speaks to the control API. One call is one request; nothing is retried. */
export class ApiClient {
  readonly #base: string;
  readonly #token: string;
  readonly #signal: AbortSignal;

  constructor(base: string, token: string, signal: AbortSignal) {
    this.#base = base;
    this.#token = token;
    this.#signal = signal;
  }

  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    options: { nonce?: string; detached?: boolean } = {},
  ): Promise<T> {
    const response = await this.open(method, path, body, options);
    let text = "";
    response.setEncoding("utf8");
    for await (const part of response) text += part;
    const parsed: unknown = text === "" ? {} : JSON.parse(text);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw refusal(status, (parsed as { error?: string }).error ?? `status ${status}`);
    return parsed as T;
  }

  /** The raw answer, for streams. `detached` calls still go out after an interrupt, to leave things tidy. */
  open(
    method: string,
    path: string,
    body?: unknown,
    options: { nonce?: string; detached?: boolean } = {},
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string> = { authorization: `Bearer ${this.#token}` };
      if (options.nonce !== undefined) headers["fly-machine-lease-nonce"] = options.nonce;
      if (body !== undefined) headers["content-type"] = "application/json";
      const outgoing = request(`${this.#base}${path}`, {
        method,
        headers,
        agent: false,
        ...(options.detached === true ? {} : { signal: this.#signal }),
      });
      outgoing.on("response", resolve);
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        const down = error.code === "ECONNREFUSED" || error.code === "ECONNRESET";
        reject(
          down
            ? new Error(
                `the sandbox does not answer at ${this.#base} (${error.code}). Start it with: npm run -s sandbox -- start`,
              )
            : error,
        );
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

const refusal = (status: number, message: string) =>
  new ApiError(status, status === 401 ? "You must be authenticated to view this." : message);
