/**
 * Compares what a vault has with what stores list: by name, by the digest or time recorded when it was set, and by age.
 * Values are never compared, because no store gives them back.
 */
import { closed, listOf, result, row, text, whole } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { keyOf, lastRecords, recordsField, type SetRecord } from "./records.ts";

const kinds = ["missing", "extra", "staged", "stale", "old", "changed-elsewhere", "unrecorded"] as const;
type Kind = (typeof kinds)[number];

interface Expected {
  readonly name: string;
  readonly changedAt: string;
}

interface Listed {
  readonly name: string;
  readonly digest?: string;
  readonly status?: string | null;
  readonly updatedAt?: string;
}

interface Place {
  readonly place: string;
  readonly secrets: readonly Listed[];
  readonly ignore?: readonly string[];
}

interface AuditSpec {
  readonly expected: readonly Expected[];
  readonly places: readonly Place[];
  readonly records?: string;
  readonly maxAgeDays?: number;
}

interface Finding {
  readonly place: string;
  readonly name: string;
  readonly kind: Kind;
  readonly text: string;
}

interface AuditResult {
  readonly compared: number;
  readonly findings: readonly Finding[];
}

const defaultMaxAgeDays = 90;
const dayMs = 86_400_000;

export const secretsAudit = defineStepType<AuditSpec, AuditResult>({
  type: "secrets/audit",
  summary:
    "Compares the names and ages of a vault with what stores list: missing, extra, staged, older than the vault's value, older than 90 days, changed elsewhere, never recorded. `verify` decides which of them may be.",
  docs: "https://docs.github.com/en/rest/actions/secrets",
  effects: "read",
  timeoutMs: 30_000,
  input: closed(
    {
      expected: listOf(
        row({ name: text("Name."), changedAt: text("When its value was last changed, RFC 3339.") }),
        "What the vault has, from `secrets/inventory`.",
        { minItems: 1 },
      ),
      places: listOf(
        closed(
          {
            place: text("Name of the store, as `secrets/record` was told: `fly shop`.", { minLength: 1 }),
            secrets: listOf(row({ name: text("Name.") }), "What it lists, from `fly/secrets` or `github/secrets`."),
            ignore: listOf(text("Name."), "Names that are not kept in the vault on purpose, or not wanted here."),
          },
          ["place", "secrets"],
        ),
        "The stores.",
        { minItems: 1 },
      ),
      records: recordsField,
      maxAgeDays: whole("Days after which a value must be replaced, default 90.", { minimum: 1 }),
    },
    ["expected", "places"],
  ),
  examples: [
    {
      expected: "${{ steps.vault.outputs.secrets }}",
      places: [
        {
          place: "fly shop",
          secrets: "${{ steps.fly.outputs.secrets }}",
          ignore: ["FLY_REGION"],
        },
      ],
      maxAgeDays: 90,
    },
    {
      expected: [{ name: "SESSION_KEY", changedAt: "2026-09-01T12:00:00Z" }],
      places: [{ place: "github acme/shop", secrets: [{ name: "SESSION_KEY" }] }],
    },
  ],
  result: result({
    compared: whole("Pairs of store and name that were compared."),
    findings: listOf(
      row({
        place: text("Store, or `vault`."),
        name: text("Name of the secret."),
        kind: text(
          "`missing`, `extra`, `staged` (not given to the machines), `stale` (older than the vault's value), `old`, `changed-elsewhere` (another digest or time than recorded), `unrecorded` (nobody knows when it was set).",
          { enum: kinds },
        ),
        text: text("The finding in words."),
      }),
      "What is not as it should be, by store and name.",
    ),
  }),
  action: (spec) => ({
    text: `compare the names in the vault with ${Array.isArray(spec.places) ? spec.places.map((each) => each.place ?? each).join(", ") : String(spec.places)}`,
    argv: null,
  }),
  async run(spec, host) {
    const records = lastRecords(host, spec.records);
    const maxAgeDays = spec.maxAgeDays ?? defaultMaxAgeDays;
    const nowMs = host.clock.now().getTime();
    const isOld = (at: string) => nowMs - timeOf(at) > maxAgeDays * dayMs;
    const findings: Finding[] = spec.expected
      .filter((each) => isOld(each.changedAt))
      .map((each) => ({
        place: "vault",
        name: each.name,
        kind: "old",
        text: `The value of ${each.name} is from ${each.changedAt}, more than ${maxAgeDays} days ago: make a new one.`,
      }));
    const names = new Set<string>();
    for (const { place, secrets, ignore = [] } of spec.places) {
      const wanted = spec.expected.filter((each) => !ignore.includes(each.name));
      for (const each of [...wanted, ...secrets]) names.add(keyOf(place, each.name));
      findings.push(...extra(place, secrets, ignore, spec.expected));
      for (const expected of wanted) {
        const listed = secrets.find((each) => each.name === expected.name);
        const known = records.get(keyOf(place, expected.name));
        for (const [kind, words] of judged(expected, listed, known, isOld, maxAgeDays)) {
          findings.push({ place, name: expected.name, kind, text: `${expected.name} at ${place} ${words}.` });
        }
      }
    }
    return { compared: names.size, findings };
  },
});

function extra(
  place: string,
  secrets: readonly Listed[],
  ignore: readonly string[],
  expected: readonly Expected[],
): Finding[] {
  return secrets
    .filter(({ name }) => !ignore.includes(name) && !expected.some((each) => each.name === name))
    .map(({ name }) => ({
      place,
      name,
      kind: "extra",
      text: `${name} is at ${place}, and the vault does not know it.`,
    }));
}

function judged(
  expected: Expected,
  listed: Listed | undefined,
  known: SetRecord | undefined,
  isOld: (at: string) => boolean,
  maxAgeDays: number,
): [Kind, string][] {
  if (listed === undefined) return [["missing", "is missing"]];
  const found: [Kind, string][] = [];
  const { status, updatedAt } = listed;
  // A status that fly leaves out is not known, and what is not known is not deployed.
  if (status !== undefined && status !== "Deployed")
    found.push(["staged", `is ${status ?? "of unknown status"}, not deployed`]);
  if (known !== undefined && isOther(known, listed))
    found.push(["changed-elsewhere", `was changed by somebody else after ${known.at}`]);
  const setAt = updatedAt ?? known?.at;
  if (setAt === undefined) found.push(["unrecorded", "was set by nobody knows whom or when"]);
  else {
    // Stores keep whole seconds.
    if (Math.floor(timeOf(expected.changedAt) / 1_000) > Math.floor(timeOf(setAt) / 1_000))
      found.push(["stale", `is from ${setAt}, older than the vault's value from ${expected.changedAt}`]);
    if (isOld(setAt)) found.push(["old", `is from ${setAt}, more than ${maxAgeDays} days ago`]);
  }
  return found;
}

function isOther(known: SetRecord, { digest, updatedAt }: Listed): boolean {
  if (known.digest !== null && digest !== undefined) return known.digest !== digest;
  return known.updatedAt !== null && updatedAt !== undefined && known.updatedAt !== updatedAt;
}

function timeOf(at: string): number {
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) throw new StepFailure("failed", "time-invalid", `${JSON.stringify(at)} is not a time.`);
  return ms;
}
