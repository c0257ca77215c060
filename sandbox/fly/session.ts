import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../json-file.ts";
import { layoutOf, loopbackUrl, type Ports } from "../layout.ts";
import { ApiClient } from "./api-client.ts";
import type { FlagSpec, ParsedFlags } from "./flags.ts";

/** Refused or failed with flyctl's words; the suggestion is printed below the error. */
export class FlyError extends Error {
  readonly suggestion: string;
  constructor(message: string, suggestion = "") {
    super(message);
    this.suggestion = suggestion;
  }
}

/** A wrong command line: flyctl also says how to get help. */
export class UsageError extends Error {
  /** The command it belongs to, such as `fly releases`. */
  readonly path: string;
  constructor(message: string, path: string) {
    super(message);
    this.path = path;
  }
}

/** What a command gets: parsed flags, the app it is about, and the world. */
export interface Session {
  readonly flags: ParsedFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly stdin: () => Promise<string>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  api(): ApiClient;
  /** The app of -a, FLY_APP or fly.toml, in this order. */
  app(): string;
}

/** Flags every flyctl command that needs an app has. */
export const APP_FLAGS: readonly FlagSpec[] = [
  { name: "app", shorthand: "a", kind: "string" },
  { name: "config", shorthand: "c", kind: "string" },
];

/** The control API of the sandbox this `fly` belongs to, with the caller's token. */
export function openApi(env: Session["env"], flags: ParsedFlags, signal: AbortSignal): ApiClient {
  const token = flags.string("access-token") ?? env["FLY_ACCESS_TOKEN"] ?? env["FLY_API_TOKEN"] ?? "";
  if (token.trim() === "") throw new FlyError("No access token available. Please login with 'flyctl auth login'");
  const dir = env["RUNBOOK_SANDBOX_DIR"];
  const ports = dir === undefined ? null : readJson<Ports>(layoutOf(dir).ports);
  if (ports === null)
    throw new FlyError("this fly belongs to a sandbox that was never started. Type: npm run -s sandbox -- start");
  return new ApiClient(loopbackUrl(ports.api), token.trim(), signal);
}

/** Finds the app's name as flyctl does, or refuses as it does. */
export function resolveApp(env: Session["env"], flags: ParsedFlags): string {
  const given = flags.string("app") ?? env["FLY_APP"];
  if (given !== undefined && given !== "") return given;
  const named = /^\s*app\s*=\s*["']([^"']+)["']/m.exec(
    readText(flags.string("config") ?? join(process.cwd(), "fly.toml")),
  );
  if (named?.[1] !== undefined) return named[1];
  throw new FlyError(
    "the config for your app is missing an app name, add an app field to the fly.toml file or specify with the -a flag",
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
