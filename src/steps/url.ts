/** Addresses of HTTP requests: checked before anything is sent. */
import { StepFailure } from "./step-type.ts";

/** The address with the query added. Throws a `fatal` failure for anything but a plain http(s) URL. */
export function requestUrl(text: string, query: Readonly<Record<string, unknown>> = {}): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new StepFailure(
      "fatal",
      "url-invalid",
      `${JSON.stringify(text)} is not a URL. Write it in full: https://host/path.`,
      { cause, facts: { url: text } },
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new StepFailure("fatal", "url-invalid", `${text} is not an http or https URL.`, { facts: { url: text } });
  }
  if (url.username !== "" || url.password !== "") {
    throw new StepFailure(
      "fatal",
      "url-has-credentials",
      `The URL of ${url.host} carries a user or password. Put it into an \`authorization\` header, from a secret.`,
      { facts: { host: url.host } },
    );
  }
  for (const [name, value] of queryPairs(query)) url.searchParams.append(name, value);
  return url.href;
}

/** The address as a plan prints it: holes that are not known yet stay readable. */
export function urlText(text: string, query: Readonly<Record<string, unknown>> = {}): string {
  const pairs = queryPairs(query).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? text : `${text}${text.includes("?") ? "&" : "?"}${pairs.join("&")}`;
}

/** Null leaves a parameter out, a list repeats it. */
function queryPairs(query: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((item) => item !== null && item !== undefined)
      .map((item): [string, string] => [name, typeof item === "object" ? JSON.stringify(item) : String(item)]),
  );
}
