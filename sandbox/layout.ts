import { join, resolve } from "node:path";
import type { ProcessIdentity } from "../src/host/supervisor/process-identity.ts";

/** Where everything of one sandbox lives: absolute paths below `<state>/sandbox/`. */
export interface SandboxLayout {
  readonly dir: string;
  /** Who is the platform of this folder; created exclusively. */
  readonly lock: string;
  /** Written when the platform serves, removed when it ends in order. */
  readonly running: string;
  readonly ports: string;
  readonly credentials: string;
  readonly state: string;
  /** Values of the apps' secrets; the only file that holds them. */
  readonly appSecrets: string;
  /** States and contents of the stand-ins of other vendors. */
  readonly services: string;
  /** A folder of files as vault, with the secrets of the shop. */
  readonly vault: string;
  /** The authority that signs the certificates of the HTTPS front. */
  readonly authority: string;
  readonly logs: string;
  readonly platformLog: string;
  readonly binDir: string;
  readonly fly: string;
}

/** The layout below a state directory (`.runbook` by default). */
export function sandboxLayout(stateDir: string): SandboxLayout {
  return layoutOf(join(resolve(stateDir), "sandbox"));
}

/** The layout of the sandbox folder itself, as the `fly` wrapper knows it. */
export function layoutOf(dir: string): SandboxLayout {
  const binDir = join(dir, "bin");
  return {
    dir,
    lock: join(dir, "platform.lock"),
    running: join(dir, "platform.json"),
    ports: join(dir, "ports.json"),
    credentials: join(dir, "credentials.json"),
    state: join(dir, "state.json"),
    appSecrets: join(dir, "app-secrets.json"),
    services: join(dir, "services.json"),
    vault: join(dir, "vault"),
    authority: join(dir, "authority.json"),
    logs: join(dir, "logs"),
    platformLog: join(dir, "platform.log"),
    binDir,
    fly: join(binDir, "fly"),
  };
}

/** Loopback ports, kept so that URLs stay the same over restarts. */
export interface Ports {
  readonly api: number;
  /** Absent in a file of before the stand-ins. */
  readonly services?: number;
  /** HTTPS of the first app; absent as above. */
  readonly tls?: number;
  readonly mail?: number;
  readonly apps: Readonly<Record<string, number>>;
}

/** Dummy credentials of one sandbox, random per state directory. */
export interface Credentials {
  readonly flyApiToken: string;
  /** Path below the control API that takes Slack messages; being secret, it is the credential. */
  readonly slackPath: string;
}

/** What the running platform says about itself. */
export interface RunningPlatform {
  readonly identity: ProcessIdentity;
  /** Things the person who started it should know, such as a port that had to change. */
  readonly notices: readonly string[];
}

/** The address of a loopback port. */
export const loopbackUrl = (port: number): string => `http://127.0.0.1:${port}`;

/** The name the certificates of the HTTPS front are for. */
export const tlsName = "localhost";
