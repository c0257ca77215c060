import { ApiError } from "./api-client.ts";
import { DEFAULT_LEASE_MS, Deployment, STRATEGIES, type Strategy } from "./deploy.ts";
import { parseDuration } from "./duration.ts";
import type { FlagSpec, ParsedFlags } from "./flags.ts";
import { APP_FLAGS, FlyError, type Session } from "./session.ts";

const flag = (kind: FlagSpec["kind"], name: string, shorthand?: string): FlagSpec =>
  shorthand === undefined ? { kind, name } : { kind, name, shorthand };

/** The flags of `fly deploy` that make sense for an image; those for building one are refused as unknown. */
export const deployFlags: readonly FlagSpec[] = [
  ...APP_FLAGS,
  flag("string", "image", "i"),
  flag("string", "image-label"),
  flag("string", "strategy"),
  flag("string", "wait-timeout"),
  flag("string", "release-command-timeout"),
  flag("string", "lease-timeout"),
  flag("string", "deploy-retries"),
  flag("string", "max-unavailable"),
  flag("string", "primary-region"),
  flag("string", "region", "r"),
  flag("string", "process-groups"),
  flag("list", "env", "e"),
  flag("list", "only-machines"),
  flag("list", "exclude-machines"),
  flag("bool", "skip-release-command"),
  flag("bool", "ha"),
  flag("bool", "smoke-checks"),
  flag("bool", "dns-checks"),
  flag("bool", "detach"),
  flag("bool", "now"),
  flag("bool", "remote-only"),
  flag("bool", "local-only"),
  flag("bool", "update-only"),
  flag("bool", "auto-confirm"),
  flag("bool", "yes", "y"),
];

export async function runDeploy({ api, app, flags, out, err, signal }: Session): Promise<void> {
  for (const pair of flags.list("env")) {
    if (!pair.includes("="))
      throw new FlyError(`failed parsing environment: '${pair}': must be in the format NAME=VALUE`);
  }
  const strategy = flags.string("strategy") ?? "rolling";
  if (!STRATEGIES.includes(strategy as Strategy)) {
    throw new FlyError(
      `error unsupported deployment strategy '${strategy}'; fly deploy for machines supports ${STRATEGIES.join(", ")} strategies`,
    );
  }
  const options = {
    app: app(),
    strategy: strategy as Strategy,
    waitTimeoutMs: duration(flags, "wait-timeout", 5 * 60_000),
    leaseMs: duration(flags, "lease-timeout", DEFAULT_LEASE_MS),
    retries: retries(flags.string("deploy-retries")),
    smokeChecks: flags.bool("smoke-checks") ?? true,
    detach: flags.bool("detach") === true,
    ha: flags.bool("ha") ?? true,
    onlyMachines: flags.list("only-machines"),
    excludeMachines: flags.list("exclude-machines"),
  };
  duration(flags, "release-command-timeout", 5 * 60_000);
  const client = api();
  out("==> Verifying app config\n");
  await client.call("GET", `/v1/apps/${options.app}`);
  out("--> Verified app config\n==> Building image\n");
  const image = flags.string("image");
  if (image === undefined || image === "") {
    throw new FlyError(
      "failed to fetch an image or build from source: app does not have a Dockerfile or buildpacks configured. See https://fly.io/docs/reference/configuration/#the-build-section",
    );
  }
  out(`Searching for image '${image}' remotely...\n`);
  try {
    await client.call("GET", `/platform/images/${encodeURIComponent(image)}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      throw new FlyError(`failed to fetch an image or build from source: ${error.message}`);
    }
    throw error;
  }
  out(`image found: ${image}\n\nWatch your deployment at https://fly.io/apps/${options.app}/monitoring\n\n`);
  const output = { out: (line: string) => out(`${line}\n`), err: (line: string) => err(`${line}\n`) };
  await new Deployment(client, options, output, signal).run(image);
  out(`\nVisit your newly deployed app at https://${options.app}.fly.dev/\n`);
}

function duration(flags: ParsedFlags, name: string, otherwiseMs: number): number {
  const text = flags.string(name);
  if (text === undefined) return otherwiseMs;
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new FlyError(
    `invalid duration value ${text} used for --${name} flag: valid options are a number of seconds, number with time unit (i.e.: 5m, 180s) or 'none'`,
  );
}

function retries(text: string | undefined): number {
  if (text === undefined || text === "auto") return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw new FlyError(`--deploy-retries must be an integer or "auto", got "${text}"`);
}
