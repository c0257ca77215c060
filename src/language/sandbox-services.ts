/**
 * Services of other vendors that a sandbox stands in for. `target.services.NAME` is the base URL, without a slash at its
 * end: supplied on a sandbox target, given in the project file on the others.
 */
export const sandboxServices = [
  "alertmanager",
  "chatwoot",
  "github",
  "mcp",
  "openai",
  "pagerduty",
  "prometheus",
  "publer",
  "smtp",
  "supabase",
  "tls",
  "vault",
] as const;

export type SandboxService = (typeof sandboxServices)[number];

/** An HTTPS name of the target, `target.hosts`: supplied on a sandbox target, given in the project file on the others. */
export interface HostFacts {
  /** The name the certificate must be for. */
  readonly name: string;
  /** Where to connect. */
  readonly address: string;
  readonly port: number;
  /** Plain HTTP, which must lead to HTTPS. */
  readonly plain: string;
  /** PEM of the only authority to trust; null = the usual ones. */
  readonly ca: string | null;
}
