import type { CheckStatus, Release } from "../model.ts";
import type { MachineJson } from "./api-client.ts";
import { deployFlags, runDeploy } from "./deploy-command.ts";
import type { FlagSpec } from "./flags.ts";
import { followLogs, logFlags } from "./logs-command.ts";
import { secretsCommands } from "./secrets-commands.ts";
import { APP_FLAGS, FlyError, type Session } from "./session.ts";
import { checksSummary, relativeTime, table, toJson } from "./views.ts";
import { volumesCommands } from "./volumes-commands.ts";

/** A command of flyctl: its own flags, how many positional arguments it takes, and what it does. */
export interface Command {
  readonly flags: readonly FlagSpec[];
  /** None unless given. */
  readonly maxArgs?: number;
  run(session: Session): Promise<void>;
}

export type CommandTree = { readonly [name: string]: Command | CommandTree };

export const isCommand = (node: Command | CommandTree): node is Command => typeof (node as Command).run === "function";

const JSON_FLAG: FlagSpec = { name: "json", shorthand: "j", kind: "bool" };

/** The part of flyctl's command line the sandbox speaks. Names and flags are the vendor's, aliases included. */
export const COMMANDS: CommandTree = (() => {
  const releases: Command = { flags: [...APP_FLAGS, JSON_FLAG, { name: "image", kind: "bool" }], run: runReleases };
  const machines: CommandTree = {
    list: { flags: [...APP_FLAGS, JSON_FLAG, { name: "quiet", shorthand: "q", kind: "bool" }], run: listMachines },
    start: { flags: APP_FLAGS, maxArgs: 100, run: startMachines },
    stop: {
      flags: [...APP_FLAGS, { name: "signal", shorthand: "s", kind: "string" }, { name: "timeout", kind: "string" }],
      maxArgs: 100,
      run: stopMachines,
    },
    restart: {
      flags: [
        ...APP_FLAGS,
        { name: "signal", shorthand: "s", kind: "string" },
        { name: "time", kind: "string" },
        { name: "force", kind: "bool" },
        { name: "skip-health-checks", kind: "bool" },
      ],
      maxArgs: 100,
      run: restartMachines,
    },
    kill: { flags: APP_FLAGS, maxArgs: 1, run: killMachine },
    cordon: { flags: APP_FLAGS, maxArgs: 100, run: (session) => cordonMachines(session, "cordon") },
    uncordon: { flags: APP_FLAGS, maxArgs: 100, run: (session) => cordonMachines(session, "uncordon") },
  };
  return {
    version: { flags: [JSON_FLAG], run: async (session) => printVersion(session) },
    releases,
    status: {
      flags: [
        ...APP_FLAGS,
        JSON_FLAG,
        { name: "watch", kind: "bool" },
        { name: "rate", kind: "string" },
        { name: "all", kind: "bool" },
        { name: "deployment", kind: "bool" },
      ],
      run: runStatus,
    },
    deploy: { flags: deployFlags, maxArgs: 1, run: runDeploy },
    machine: machines,
    machines,
    m: machines,
    checks: { list: { flags: [...APP_FLAGS, JSON_FLAG, { name: "check-name", kind: "string" }], run: listChecks } },
    secrets: secretsCommands,
    logs: { flags: logFlags, run: followLogs },
    volumes: volumesCommands,
    volume: volumesCommands,
    vol: volumesCommands,
    apps: { releases },
  };
})();

const VERSION = { Version: "0.3.200", Commit: "sandbox", BuildDate: "2026-08-01T00:00:00Z" };

function printVersion({ flags, out }: Session): void {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  if (flags.bool("json") === true) {
    const info = {
      Name: "flyctl",
      ...VERSION,
      BranchName: "",
      OS: process.platform,
      Architecture: architecture,
      Environment: "production",
    };
    out(`${JSON.stringify(info)}\n`);
    return;
  }
  out(
    `flyctl v${VERSION.Version} ${process.platform}/${architecture} Commit: ${VERSION.Commit} BuildDate: ${VERSION.BuildDate}\n`,
  );
}

async function runReleases({ api, app, flags, out }: Session): Promise<void> {
  const releases = await api().call<Release[]>("GET", `/platform/apps/${app()}/releases`);
  if (flags.bool("json") === true) return out(toJson(releases));
  const withImage = flags.bool("image") === true;
  const headers = ["Version", "Status", "Description", "User", "Date", ...(withImage ? ["Docker Image"] : [])];
  const rows = releases.map((release) => [
    `v${release.Version}`,
    release.Status,
    release.Description,
    release.User.Email,
    relativeTime(release.CreatedAt, new Date()),
    ...(withImage ? [release.ImageRef] : []),
  ]);
  out(table(headers, rows));
}

async function runStatus({ api, app, flags, out }: Session): Promise<void> {
  if (flags.bool("watch") === true) {
    if (flags.bool("json") === true) throw new FlyError("--watch and --json are not supported together");
    throw new FlyError("--watch is not part of the sandbox; ask again instead");
  }
  const name = app();
  const client = api();
  const machines = await client.call<MachineJson[]>("GET", `/v1/apps/${name}/machines`);
  machines.sort((a, b) => (a.id < b.id ? -1 : 1));
  const releases = await client.call<Release[]>("GET", `/platform/apps/${name}/releases`);
  const organization = { ID: "sandbox", Name: "Sandbox", Slug: "sandbox", Type: "PERSONAL" };
  if (flags.bool("json") === true) {
    return out(
      toJson({
        AppURL: `https://${name}.fly.dev`,
        Deployed: machines.length > 0,
        Hostname: `${name}.fly.dev`,
        ID: name,
        Machines: machines,
        Name: name,
        Organization: organization,
        PlatformVersion: "machines",
        Status: machines.length > 0 ? "deployed" : "pending",
        Version: releases[0]?.Version ?? 0,
      }),
    );
  }
  const newest = [...machines].sort((a, b) => releaseVersion(b) - releaseVersion(a))[0];
  const image = newest === undefined ? "-" : `${newest.image_ref.repository}:${newest.image_ref.tag}`;
  out(
    `App\n  Name     = ${name}\n  Owner    = ${organization.Slug}\n  Hostname = ${name}.fly.dev\n  Image    = ${image}\n\n`,
  );
  const rows = machines.map((machine) => [
    "app",
    machine.id,
    String(releaseVersion(machine)),
    machine.region,
    machine.state,
    checksSummary(machine.checks),
    machine.updated_at,
  ]);
  out(table(["Process", "ID", "Version", "Region", "State", "Checks", "Last Updated"], rows, "Machines"));
}

const releaseVersion = (machine: MachineJson) => Number(machine.config.metadata["fly_release_version"] ?? 0);

async function listMachines({ api, app, flags, out }: Session): Promise<void> {
  const name = app();
  const machines = await api().call<MachineJson[]>("GET", `/v1/apps/${name}/machines`);
  if (flags.bool("json") === true) return out(toJson(machines));
  if (flags.bool("quiet") === true) return out(machines.map((machine) => `${machine.id}\n`).join(""));
  if (machines.length === 0) return out(`No machines are available on this app ${name}\n`);
  const rows = machines.map((machine) => [
    machine.id,
    machine.name,
    machine.state,
    checksSummary(machine.checks),
    machine.region,
    `${machine.image_ref.repository}:${machine.image_ref.tag}`,
    machine.created_at,
    machine.updated_at,
  ]);
  out(
    table(
      ["ID", "Name", "State", "Checks", "Region", "Image", "Created", "Last Updated"],
      rows,
      `${machines.length} machines have been retrieved from app ${name}.`,
    ),
  );
}

async function startMachines({ api, app, flags, out }: Session): Promise<void> {
  const client = api();
  for (const id of machineIds(flags.positional)) {
    await client.call("POST", `/v1/apps/${app()}/machines/${id}/start`);
    out(`${id} has been started\n`);
  }
}

async function stopMachines({ api, app, flags, out }: Session): Promise<void> {
  const client = api();
  for (const id of machineIds(flags.positional)) {
    out(`Sending kill signal to machine ${id}...\n`);
    await client.call("POST", `/v1/apps/${app()}/machines/${id}/stop`);
    out(`${id} has been successfully stopped\n`);
  }
}

async function restartMachines({ api, app, flags, out }: Session): Promise<void> {
  const client = api();
  const timeout = flags.string("time");
  const query = timeout === undefined ? "" : `?timeout=${encodeURIComponent(timeout)}`;
  for (const id of machineIds(flags.positional)) {
    out(`Restarting machine ${id}\n`);
    await client.call("POST", `/v1/apps/${app()}/machines/${id}/restart${query}`);
    out(`Machine ${id} restarted successfully!\n`);
  }
}

async function killMachine({ api, app, flags, out }: Session): Promise<void> {
  const client = api();
  const [id] = machineIds(flags.positional);
  const path = `/v1/apps/${app()}/machines/${id}`;
  const { state } = await client.call<MachineJson>("GET", path);
  out(`machine ${id} was found and is currently in a ${state} state, attempting to kill...\n`);
  await client.call("POST", `${path}/signal`, { signal: "SIGKILL" });
  out("kill signal has been sent\n");
}

async function cordonMachines({ api, app, flags, out }: Session, verb: "cordon" | "uncordon"): Promise<void> {
  const client = api();
  for (const id of machineIds(flags.positional)) {
    out(`${verb === "cordon" ? "Activating" : "Deactivating"} cordon on machine ${id}...\n`);
    await client.call("POST", `/v1/apps/${app()}/machines/${id}/${verb}`);
    out("done!\n");
  }
}

function machineIds(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) throw new FlyError("a machine ID must be specified when not running interactively");
  return ids;
}

async function listChecks({ api, app, flags, out }: Session): Promise<void> {
  const name = app();
  const machines = await api().call<MachineJson[]>("GET", `/v1/apps/${name}/machines`);
  const filter = flags.string("check-name");
  const wanted = (check: CheckStatus) => filter === undefined || check.name === filter;
  if (flags.bool("json") === true) {
    return out(toJson(Object.fromEntries(machines.map((machine) => [machine.id, machine.checks.filter(wanted)]))));
  }
  const rows = machines.flatMap((machine) =>
    machine.checks
      .filter(wanted)
      .map((check) => [check.name, check.status, machine.id, relativeTime(check.updated_at, new Date()), check.output]),
  );
  out(table(["Name", "Status", "Machine", "Last Updated", "Output"], rows, `Health Checks for ${name}`));
}
