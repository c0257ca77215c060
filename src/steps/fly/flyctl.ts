/** Starts `fly` and reads its JSON. https://fly.io/docs/flyctl/ ; shapes read in superfly/flyctl@ad0172fac, fly-go@22d6e51. */
import type { JsonSchema } from "../../util/json.ts";
import { exitFailure, howItEnded, lastLines } from "../command-text.ts";
import { text } from "../schema.ts";
import { type CommandResult, StepFailure, type StepHost } from "../step-type.ts";
import { type Shape, ShapeMismatch } from "./shape.ts";

export const appField: JsonSchema = text("Name of the Fly app, passed as `--app`.", {
  pattern: "^[a-z0-9][a-z0-9-]*$",
});

/** `fly status --app shop --json` as words. */
export function flyRead(command: readonly string[], app: string): [string, ...string[]] {
  return ["fly", ...command, "--app", app, "--json"];
}

/**
 * Runs a reading command and returns its JSON. Throws `transient` when Fly or the way to it was down, else `failed`:
 * `exit-code` with what fly said, `unexpected-output` naming the field that is not as documented.
 * `recorded: false` is for one of many polls.
 */
export async function flyJson<T>(
  host: StepHost,
  command: readonly string[],
  app: string,
  shape: Shape<T>,
  options: { readonly recorded?: boolean } = {},
): Promise<T> {
  const ended = await flyOutput(host, [...command], app, options);
  const name = `fly ${command.join(" ")} --json`;
  let value: unknown;
  try {
    value = JSON.parse(ended.stdout);
  } catch (cause) {
    throw unexpectedOutput(name, `no JSON but ${excerpt(ended.stdout)}`, cause);
  }
  return shaped(name, value, shape);
}

/** A reading command that must exit with 0. */
export async function flyOutput(
  host: StepHost,
  command: readonly string[],
  app: string,
  options: { readonly recorded?: boolean } = {},
): Promise<CommandResult> {
  const ended = await host.command(flyRead(command, app), { effects: "read", ...options });
  if (ended.exitCode !== 0) throw readFailure(`fly ${command.join(" ")}`, ended);
  return ended;
}

export function shaped<T>(name: string, value: unknown, shape: Shape<T>): T {
  try {
    return shape(value, "");
  } catch (error) {
    if (error instanceof ShapeMismatch) throw unexpectedOutput(name, `something else: ${error.message}`, error);
    throw error;
  }
}

export function unexpectedOutput(name: string, found: string, cause?: unknown): StepFailure {
  return new StepFailure(
    "failed",
    "unexpected-output",
    `${name} printed ${found}. Compare \`fly version\` with the range under \`requires:\`.`,
    { cause, facts: { command: name } },
  );
}

/** How stderr reads when Fly, or the network on the way to it, is down for a moment. */
const passing =
  /\b(?:502 Bad Gateway|503 Service|504 Gateway|500 Internal|429 Too Many)|(?:status|code|returned|HTTP)\D{0,12}(?:429|5\d\d)\b|timed? ?out|deadline exceeded|connection (?:refused|reset)|no such host|temporary failure in name resolution|network is unreachable|TLS handshake|unexpected EOF|\bECONN(?:REFUSED|RESET)\b|\bEAI_AGAIN\b/i;

function readFailure(name: string, ended: CommandResult): StepFailure {
  if (ended.signal === null && passing.test(ended.stderr)) {
    return new StepFailure(
      "transient",
      "platform-unavailable",
      `${name} ${howItEnded(ended)}: ${lastLines(ended.stderr, 3)}`,
      { facts: { exitCode: ended.exitCode, stderr: lastLines(ended.stderr, 20) } },
    );
  }
  return teach(exitFailure(name, ended), ended.stderr);
}

/** Adds what to do to the failures every beginner meets. */
export function teach(failure: StepFailure, stderr: string): StepFailure {
  if (
    !/no access token|not logged in|must be authenticated|unauthorized|authentication required|invalid token|\b401\b/i.test(
      stderr,
    )
  ) {
    return failure;
  }
  return new StepFailure(
    failure.class,
    "not-authorised",
    `${failure.message}. fly has no valid token: list FLY_API_TOKEN under \`secrets:\` and pass it on by \`env:\`.`,
    { facts: failure.facts },
  );
}

function excerpt(output: string): string {
  const start = output.trim().slice(0, 80).replace(/\s+/g, " ");
  return start === "" ? "nothing" : JSON.stringify(start);
}
