/** What `fly status --json` says about an app: its machines, the one image they run, and whether they are healthy. */
import type { JsonSchema } from "../../util/json.ts";
import { listOf, result, row, text, truth, whole } from "../schema.ts";
import type { StepHost } from "../step-type.ts";
import { flyJson } from "./flyctl.ts";
import { aList, anObject, aText, aTruth, aWhole, or, type Shape } from "./shape.ts";

export interface Check {
  readonly name: string;
  /** `passing`, `warning` or `critical`. */
  readonly status: string;
  readonly output: string;
  readonly updated_at: string;
}

/** A machine with the vendor's keys; those not listed here are kept. */
export interface Machine {
  readonly id: string;
  readonly name: string;
  /** created, starting, started, stopping, stopped, suspended, replacing, destroying, destroyed, failed. */
  readonly state: string;
  readonly region: string;
  readonly image_ref: ImageParts;
  readonly checks: readonly Check[];
  /** Newest first. */
  readonly events: readonly MachineEvent[];
  /** Takes no traffic. */
  readonly cordoned: boolean;
  readonly config?: unknown;
}

interface MachineEvent {
  readonly type: string;
  readonly status: string;
  readonly source: string;
  /** Unix time in milliseconds. */
  readonly timestamp: number;
}

interface ImageParts {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

export interface AppState {
  readonly version: number;
  /** Empty when there are no machines or they do not all run one image. */
  readonly image: string;
  /** The image of each machine, in the order of `machines`. */
  readonly images: readonly { readonly machine: string; readonly image: string }[];
  readonly machines: readonly Machine[];
}

export const aCheck: Shape<Check> = anObject<Check>({
  name: aText,
  status: aText,
  output: or(aText, ""),
  updated_at: or(aText, ""),
});

const aMachine: Shape<Machine> = anObject<Omit<Machine, "config">>({
  id: aText,
  name: or(aText, ""),
  state: aText,
  region: or(aText, ""),
  image_ref: anObject<ImageParts>({
    registry: or(aText, ""),
    repository: aText,
    tag: or(aText, ""),
    digest: or(aText, ""),
  }),
  checks: or(aList(aCheck), []),
  events: or(
    aList(
      anObject<MachineEvent>({
        type: or(aText, ""),
        status: or(aText, ""),
        source: or(aText, ""),
        timestamp: or(aWhole, 0),
      }),
    ),
    [],
  ),
  cordoned: or(aTruth, false),
});

const aStatus = anObject({ Version: aWhole, Machines: or(aList(aMachine), []) });

export const checkProperties = {
  name: text("Name of the check in fly.toml."),
  status: text("`passing`, `warning` or `critical`."),
  output: text("What the check printed last."),
  updated_at: text("When its status was written, RFC 3339."),
};

const machinesSchema: JsonSchema = listOf(
  row({
    id: text("Machine id."),
    name: text("Machine name."),
    state: text("`started`, `stopped`, `replacing`, `failed`, …"),
    region: text("Region code."),
    image_ref: row({
      registry: text("Registry host."),
      repository: text("Repository."),
      tag: text("Tag, may be empty."),
      digest: text("Digest, `sha256:…`, may be empty."),
    }),
    checks: listOf(row(checkProperties), "Its health checks."),
    events: listOf(
      row({
        type: text("`start`, `exit`, `stop`, `update`, …"),
        status: text("State it led to."),
        source: text("`user` or `flyd`."),
        timestamp: whole("Unix time, milliseconds."),
      }),
      "What happened to it last, newest first.",
    ),
    cordoned: truth("Whether it takes no traffic."),
  }),
  "The machines, with the vendor's keys.",
);

export const appStateSchema: JsonSchema = result({
  version: whole("Number of the app's newest release."),
  image: text("The image all machines run, written as `ImageRef` of the releases; empty when they differ."),
  images: listOf(
    result({ machine: text("Machine id."), image: text("The image it runs, written as `ImageRef` of the releases.") }),
    "The image of each machine.",
  ),
  machines: machinesSchema,
});

/** Reads `fly status --json`. `recorded: false` is for one of many polls. */
export async function readAppState(
  host: StepHost,
  app: string,
  options: { readonly recorded?: boolean } = {},
): Promise<AppState> {
  const status = await flyJson(host, ["status"], app, aStatus, options);
  // A destroyed machine is listed for a while but serves nothing.
  const machines = status.Machines.filter((machine) => machine.state !== "destroyed");
  const images = machines.map((machine) => ({ machine: machine.id, image: imageOf(machine) }));
  const distinct = new Set(images.map(({ image }) => image));
  return { version: status.Version, image: distinct.size === 1 ? [...distinct][0]! : "", images, machines };
}

/**
 * The image of a machine as releases write it. The machine's `config.image` is the reference that was deployed and so
 * is preferred, but only while `image_ref`, which says what really runs, agrees with it.
 */
export function imageOf(machine: Machine): string {
  const { registry, repository, tag, digest } = machine.image_ref;
  const name = registry === "" ? repository : `${registry}/${repository}`;
  const running = tag !== "" ? `${name}:${tag}` : digest !== "" ? `${name}@${digest}` : name;
  const asked = (machine.config as { readonly image?: unknown } | undefined | null)?.image;
  if (typeof asked !== "string" || asked === "") return running;
  const agrees =
    asked === running || asked === `${running}@${digest}` || (digest !== "" && asked === `${name}@${digest}`);
  return agrees ? asked : running;
}

/** Whether two references mean one image: by digest when both have one, else by name and tag. */
export function sameImage(a: string, b: string): boolean {
  const [nameA, digestA] = splitDigest(a);
  const [nameB, digestB] = splitDigest(b);
  return digestA !== "" && digestB !== "" ? digestA === digestB : nameA === nameB;
}

function splitDigest(reference: string): [string, string] {
  const at = reference.indexOf("@");
  return at === -1 ? [reference, ""] : [reference.slice(0, at), reference.slice(at + 1)];
}

/** Why the app is not healthy yet, machine by machine; empty = every machine is started and all its checks pass. */
export function unhealthy(machines: readonly Machine[]): string[] {
  if (machines.length === 0) return ["the app has no machines"];
  return machines.flatMap((machine) => {
    const who = `machine ${machine.id}`;
    if (machine.state !== "started") return [`${who} is ${machine.state}`];
    if (machine.checks.length === 0) return [`${who} is started but has no checks`];
    return machine.checks
      .filter((check) => check.status !== "passing")
      .map((check) => {
        const output = check.output.trim().split("\n")[0]?.slice(0, 120) ?? "";
        return `check ${check.name} of ${who} is ${check.status}${output === "" ? "" : ` (${output})`}`;
      });
  });
}
