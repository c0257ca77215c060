import type { SnapshotState } from "../model.ts";
import type { CommandTree } from "./commands.ts";
import { APP_FLAGS, FlyError, type Session } from "./session.ts";
import { relativeTime, table, toJson } from "./views.ts";

interface VolumeJson {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly size_gb: number;
  readonly region: string;
  readonly zone: string;
  readonly encrypted: boolean;
  readonly attached_machine_id?: string;
  readonly created_at: string;
}

const listFlags = [...APP_FLAGS, { name: "json", shorthand: "j", kind: "bool" } as const];

export const volumesCommands: CommandTree = {
  list: { flags: listFlags, run: listVolumes },
  snapshots: {
    list: { flags: listFlags, maxArgs: 1, run: listSnapshots },
    create: { flags: listFlags, maxArgs: 1, run: createSnapshot },
  },
};

async function listVolumes({ api, app, flags, out }: Session): Promise<void> {
  const volumes = await api().call<VolumeJson[]>("GET", `/v1/apps/${app()}/volumes`);
  if (flags.bool("json") === true) return out(toJson(volumes));
  const rows = volumes.map((volume) => [
    volume.id,
    volume.state,
    volume.name,
    `${volume.size_gb}GB`,
    volume.region,
    volume.zone,
    String(volume.encrypted),
    volume.attached_machine_id ?? "",
    relativeTime(volume.created_at, new Date()),
  ]);
  const headers = ["ID", "State", "Name", "Size", "Region", "Zone", "Encrypted", "Attached VM", "Created At"];
  out(table(headers, rows));
}

async function listSnapshots({ api, app, flags, out, err }: Session): Promise<void> {
  const id = onlyVolume(flags.positional);
  const snapshots = await api().call<SnapshotState[]>("GET", path(app(), id));
  snapshots.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  if (flags.bool("json") === true) return out(toJson(snapshots));
  if (snapshots.length === 0) return err(`No snapshots available for volume ${id}\n`);
  const rows = snapshots.map(({ id: snapshot, status, size, created_at }) => [
    snapshot,
    status,
    String(size),
    relativeTime(created_at, new Date()),
  ]);
  out(table(["ID", "Status", "Stored Size", "Created At"], rows, "Snapshots"));
}

async function createSnapshot({ api, app, flags, out }: Session): Promise<void> {
  const id = onlyVolume(flags.positional);
  await api().call("POST", path(app(), id));
  out(`Scheduled to snapshot volume ${id}\n`);
}

function onlyVolume(positional: readonly string[]): string {
  const [id] = positional;
  if (id === undefined) throw new FlyError("accepts 1 arg(s), received 0");
  return id;
}

const path = (app: string, volume: string) => `/v1/apps/${app}/volumes/${encodeURIComponent(volume)}/snapshots`;
