import type { CommandTree } from "./commands.ts";
import { DEFAULT_LEASE_MS, Deployment } from "./deploy.ts";
import type { FlagSpec } from "./flags.ts";
import { parseSecretArguments, parseSecretsInput } from "./secrets-input.ts";
import { APP_FLAGS, FlyError, type Session } from "./session.ts";
import { table, toJson } from "./views.ts";

const WAIT_FOR_RESTART_MS = 5 * 60_000;

const SHARED: readonly FlagSpec[] = [
  ...APP_FLAGS,
  { name: "detach", kind: "bool" },
  { name: "stage", kind: "bool" },
  { name: "dns-checks", kind: "bool" },
];

const list = { flags: [...APP_FLAGS, { name: "json", shorthand: "j", kind: "bool" } as const], run: runList };

export const secretsCommands: CommandTree = {
  list,
  ls: list,
  set: { flags: SHARED, maxArgs: 1000, run: runSet },
  import: { flags: SHARED, run: runImport },
  unset: { flags: SHARED, maxArgs: 1000, run: runUnset },
  deploy: { flags: SHARED, run: runDeploySecrets },
};

interface SecretRow {
  readonly name: string;
  readonly digest: string;
  readonly status: string;
}

const listed = (session: Session) => session.api().call<SecretRow[]>("GET", `/platform/apps/${session.app()}/secrets`);

async function runList(session: Session): Promise<void> {
  const secrets = await listed(session);
  if (session.flags.bool("json") === true) return session.out(toJson(secrets));
  session.out(
    table(
      ["Name", "Digest", "Status"],
      secrets.map((secret) => [secret.name, secret.digest, secret.status]),
    ),
  );
}

async function runSet(session: Session): Promise<void> {
  const values = refuseNone(parseSecretArguments(session.flags.positional), "requires at least one SECRET=VALUE pair");
  await change(session, Object.fromEntries(values));
}

async function runImport(session: Session): Promise<void> {
  const values = refuseNone(parseSecretsInput(await session.stdin()), "requires at least one SECRET=VALUE pair");
  await change(session, Object.fromEntries(values));
}

async function runUnset(session: Session): Promise<void> {
  const names = session.flags.positional;
  if (names.length === 0) throw new FlyError("requires at least one secret name");
  await change(session, Object.fromEntries(names.map((name) => [name, null])));
}

async function runDeploySecrets(session: Session): Promise<void> {
  const secrets = await listed(session);
  if (secrets.every((secret) => secret.status === "Deployed")) {
    return session.out("There are no secrets to deploy\n");
  }
  await restart(session);
}

function refuseNone(values: Map<string, string>, message: string): Map<string, string> {
  if (values.size === 0) throw new FlyError(message);
  return values;
}

async function change(session: Session, values: Record<string, string | null>): Promise<void> {
  await session.api().call("POST", `/platform/apps/${session.app()}/secrets`, { values });
  if (session.flags.bool("stage") === true) {
    return session.out(
      "Secrets have been staged, but not set on VMs. Deploy or update machines in this app for the secrets to take effect.\n",
    );
  }
  await restart(session);
}

// Secrets reach machines by a release that restarts each of them with its own image.
async function restart({ api, app, flags, out, err, signal }: Session): Promise<void> {
  const options = {
    app: app(),
    strategy: "rolling",
    waitTimeoutMs: WAIT_FOR_RESTART_MS,
    leaseMs: DEFAULT_LEASE_MS,
    retries: 0,
    smokeChecks: true,
    detach: flags.bool("detach") === true,
    ha: true,
    onlyMachines: [],
    excludeMachines: [],
  } as const;
  const output = { out: (line: string) => out(`${line}\n`), err: (line: string) => err(`${line}\n`) };
  await new Deployment(api(), options, output, signal).run(null);
}
