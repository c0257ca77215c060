import type { LogEntry } from "../app-log.ts";
import type { FlagSpec } from "./flags.ts";
import { APP_FLAGS, type Session } from "./session.ts";
import { toJson } from "./views.ts";

export const logFlags: readonly FlagSpec[] = [
  ...APP_FLAGS,
  { name: "json", shorthand: "j", kind: "bool" },
  { name: "no-tail", shorthand: "n", kind: "bool" },
  { name: "instance", kind: "string" },
  { name: "machine", shorthand: "i", kind: "string" },
  { name: "region", shorthand: "r", kind: "string" },
];

/** Prints what the platform holds; without --no-tail it goes on until it is ended. */
export async function followLogs({ api, app, flags, out }: Session): Promise<void> {
  const query = new URLSearchParams();
  if (flags.bool("no-tail") !== true) query.set("follow", "true");
  const instance = flags.string("machine") ?? flags.string("instance");
  if (instance !== undefined) query.set("instance", instance);
  const response = await api().open("GET", `/platform/apps/${app()}/logs?${query}`);
  response.setEncoding("utf8");
  if (response.statusCode !== 200) {
    let text = "";
    for await (const part of response) text += part;
    throw new Error((JSON.parse(text) as { error: string }).error);
  }
  let rest = "";
  for await (const part of response) {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) out(format(JSON.parse(line) as LogEntry, flags.bool("json") === true));
  }
}

// With --json each entry is an indented object of its own, one after another: not one object a line, and no array.
const format = (entry: LogEntry, asJson: boolean): string =>
  asJson
    ? toJson(entry)
    : `${entry.timestamp} app[${entry.instance}] ${entry.region} [${entry.level}] ${entry.message}\n`;
