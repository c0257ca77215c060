/** Matchers of alerts as amtool writes them: `name=value`, `!=`, `=~`, `!~`. https://prometheus.io/docs/alerting/latest/configuration/#matcher */
import { StepFailure } from "../step-type.ts";

export interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

/** Reads one; quotes around the value may be left out. Throws a `fatal` failure for what is none. */
export function matcherOf(text: string): Matcher {
  const found = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$/s.exec(text);
  const [, name = "", sign = "", raw = ""] = found ?? [];
  const value = /^".*"$/s.test(raw) ? unquoted(raw) : raw;
  if (found === null || value === null) {
    throw new StepFailure(
      "fatal",
      "matcher-invalid",
      `${JSON.stringify(text)} is no matcher. Write it as alertname="TileLatencyHigh", with =, !=, =~ or !~.`,
      { facts: { matcher: text } },
    );
  }
  return { name, value, isRegex: sign.endsWith("~"), isEqual: sign.startsWith("=") };
}

/** As it is shown: `app="shop"`. */
export function matcherText({ name, value, isRegex, isEqual }: Matcher): string {
  return `${name}${isEqual ? "=" : "!"}${isRegex ? "~" : isEqual ? "" : "="}${JSON.stringify(value)}`;
}

/** Whether two lists ask for the same, in any order. */
export function sameMatchers(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  const text = (list: readonly Matcher[]) => list.map(matcherText).sort().join();
  return text(a) === text(b);
}

function unquoted(raw: string): string | null {
  try {
    return JSON.parse(raw) as string;
  } catch {
    return null;
  }
}
