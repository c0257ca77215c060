/** Request headers as the author gives them. */
import { StepFailure } from "./step-type.ts";

/** Lower-case names; null leaves one out. Throws `fatal` for a line break or a name that is none. */
export function requestHeaders(given: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === null || value === undefined) continue;
    // The value may be a secret, so the message names the header only.
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /[\r\n\0]/.test(String(value))) {
      throw new StepFailure(
        "fatal",
        "header-invalid",
        `The header ${JSON.stringify(name)} holds a line break or is no header name.`,
        { facts: { header: name } },
      );
    }
    headers[name.toLowerCase()] = String(value);
  }
  return headers;
}
