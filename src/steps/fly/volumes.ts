/** Volumes of an app and the age of their snapshots, which are the only copy Fly keeps of them. */
import { commandText } from "../command-text.ts";
import { closed, listOf, nullable, result, row, text, whole } from "../schema.ts";
import { defineStepType, type StepHost } from "../step-type.ts";
import { appField, flyJson, flyRead, unexpectedOutput } from "./flyctl.ts";
import { aList, anObject, aText, aWhole, or } from "./shape.ts";

interface VolumeRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly size_gb: number;
  readonly region: string;
  readonly attached_machine_id: string | null;
  readonly created_at: string;
}

interface SnapshotRow {
  readonly id: string;
  readonly size: number;
  readonly digest: string;
  readonly status: string;
  readonly created_at: string;
}

interface VolumeFacts extends VolumeRow {
  readonly snapshots: readonly SnapshotRow[];
  readonly newestSnapshotAt: string | null;
  readonly newestSnapshotAgeSeconds: number | null;
}

interface VolumesResult {
  readonly volumes: readonly VolumeFacts[];
  readonly withoutSnapshot: readonly string[];
  readonly oldestNewestSnapshotAgeSeconds: number | null;
}

const aVolume = anObject<VolumeRow>({
  id: aText,
  name: or(aText, ""),
  state: or(aText, ""),
  size_gb: or(aWhole, 0),
  region: or(aText, ""),
  attached_machine_id: or(aText, null),
  created_at: or(aText, ""),
});

// A snapshot that is being taken has no id yet.
const aSnapshot = anObject<SnapshotRow>({
  id: or(aText, ""),
  size: or(aWhole, 0),
  digest: or(aText, ""),
  status: or(aText, ""),
  created_at: aText,
});

export const flyVolumes = defineStepType<{ app: string }, VolumesResult>({
  type: "fly/volumes",
  summary: "Lists the volumes of a Fly app with their snapshots, and how old the newest finished one of each is.",
  docs: "https://fly.io/docs/volumes/snapshots/",
  effects: "read",
  timeoutMs: 60_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: result({
    volumes: listOf(
      row({
        id: text("Volume id."),
        name: text("Name."),
        state: text("`created`, `pending_destroy`, …"),
        size_gb: whole("Size, GiB."),
        region: text("Region code."),
        attached_machine_id: nullable(text("Machine it is attached to.")),
        created_at: text("When it was made, RFC 3339."),
        snapshots: listOf(
          row({
            id: text("Snapshot id; empty while it is being taken."),
            size: whole("Stored size, bytes."),
            digest: text("Digest of its content."),
            status: text("`created` when it is finished."),
            created_at: text("RFC 3339."),
          }),
          "Its snapshots, newest first, with the vendor's keys.",
        ),
        newestSnapshotAt: nullable(text("When its newest finished snapshot was taken.")),
        newestSnapshotAgeSeconds: nullable(whole("Age of that one; null = it has none.")),
      }),
      "The volumes, with the vendor's keys.",
    ),
    withoutSnapshot: listOf(text("Volume id."), "Volumes that have no finished snapshot."),
    oldestNewestSnapshotAgeSeconds: nullable(
      whole("The worst case: the age of the newest snapshot of the volume that waits longest. Null = there is none."),
    ),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["volumes", "list"], spec.app);
    return { text: `${commandText(argv)} and the snapshots of each`, argv };
  },
  async run(spec, host) {
    const rows = await flyJson(host, ["volumes", "list"], spec.app, or(aList(aVolume), []));
    const volumes: VolumeFacts[] = [];
    for (const volume of rows) volumes.push(await withSnapshots(host, spec.app, volume));
    const ages = volumes.flatMap((volume) => volume.newestSnapshotAgeSeconds ?? []);
    return {
      volumes,
      withoutSnapshot: volumes.flatMap((volume) => (volume.newestSnapshotAt === null ? volume.id : [])),
      oldestNewestSnapshotAgeSeconds: ages.length === 0 ? null : Math.max(...ages),
    };
  },
});

async function withSnapshots(host: StepHost, app: string, volume: VolumeRow): Promise<VolumeFacts> {
  const command = ["volumes", "snapshots", "list", volume.id];
  const taken = await flyJson(host, command, app, or(aList(aSnapshot), []));
  const atMs = ({ created_at }: SnapshotRow) => {
    const ms = Date.parse(created_at);
    if (Number.isNaN(ms)) throw unexpectedOutput(`fly ${command.join(" ")} --json`, `a created_at of ${created_at}`);
    return ms;
  };
  const snapshots = [...taken].sort((a, b) => atMs(b) - atMs(a));
  // One that is not finished, or failed, is no copy.
  const newest = snapshots.find((snapshot) => snapshot.id !== "" && ["", "created"].includes(snapshot.status));
  return {
    ...volume,
    snapshots,
    newestSnapshotAt: newest === undefined ? null : new Date(atMs(newest)).toISOString(),
    newestSnapshotAgeSeconds:
      newest === undefined ? null : Math.max(0, Math.floor((host.clock.now().getTime() - atMs(newest)) / 1_000)),
  };
}
