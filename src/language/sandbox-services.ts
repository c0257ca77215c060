/**
 * Services of other vendors that a sandbox stands in for. `target.services.NAME` is the base URL, without a slash at its
 * end: supplied on a sandbox target, given in the project file on the others.
 */
export const sandboxServices = ["alertmanager", "chatwoot", "github", "pagerduty", "publer"] as const;

export type SandboxService = (typeof sandboxServices)[number];
