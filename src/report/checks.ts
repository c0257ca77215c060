/**
 * What auditors ask for, as data: the fields of a run's evidence (`docs/evidence-format.md`, section 9), which standard
 * asks for which, and who can fill them. A check lists what is missing and how to add it; it judges presence, not quality.
 */
import type { RunRecord } from "../engine/run-record.ts";
import type { Addendum } from "./addendum.ts";
import { type StatedField, statedIn, statedLabels } from "./stated.ts";

export type FilledBy = "tool" | "runbook" | "operator";

interface Field {
  readonly title: string;
  readonly by: FilledBy;
  readonly has: (facts: Facts) => boolean;
  /** How to fill it: words after `runbook annotate <run>`, or what to write into the runbook. */
  readonly how: string;
}

interface Facts {
  readonly record: RunRecord;
  readonly addendum: Addendum;
}

const added =
  (name: string) =>
  ({ addendum }: Facts) =>
    addendum.entries.some((entry) => entry.type === "field.added" && entry.name === name);
const isStated =
  (name: StatedField) =>
  (facts: Facts): boolean =>
    statedIn(facts.record.started.keeping?.description ?? "").has(name) || added(name)(facts);
/** Stated by the author in the runbook's description, or afterwards by a person. */
const stated = (name: StatedField, title: string): Field => ({
  title,
  by: "operator",
  has: isStated(name),
  how: `--field ${name}="…" (or begin a paragraph of the runbook's description with "${statedLabels[name]}: ")`,
});
const said = (name: string, title: string): Field => ({
  title,
  by: "operator",
  has: added(name),
  how: `--field ${name}="…"`,
});
const checksOf = (record: RunRecord) => [...record.steps.values()].flatMap((step) => step.checks);
const decisionsOf = (record: RunRecord) => [...record.steps.values()].flatMap((step) => step.approval?.decisions ?? []);

/** Something went otherwise than planned, so somebody has to say what is done about it. */
function hasGap({ record }: Facts): boolean {
  const missed = record.finished?.objectives.some((objective) => objective.met !== true) ?? false;
  return record.result !== "succeeded" || record.deviations.length > 0 || missed;
}

export const fields = {
  procedure: {
    title: "the procedure that was executed: name, version, digest",
    by: "tool",
    has: ({ record }) => record.started.runbook !== "" && /^sha256:[0-9a-f]{64}$/.test(record.started.digest),
    how: "run it with this tool",
  },
  schedule: {
    title: "actual start and end, working and waiting time",
    by: "tool",
    has: ({ record }) => record.finished !== null,
    how: "finish the run: runbook resume",
  },
  participants: {
    title: "who took part and how they were identified",
    by: "tool",
    has: ({ record }) => record.started.actor !== "",
    how: "run it with this tool",
  },
  targets: {
    title: "recovery objectives: what time and data loss were allowed",
    by: "runbook",
    has: ({ record }) => record.started.objectives.length > 0,
    how: "write `objectives:` into the runbook",
  },
  actuals: {
    title: "recovery time and data loss that were reached, for every objective",
    by: "runbook",
    has: ({ record }) =>
      (record.finished?.objectives.length ?? 0) > 0 &&
      record.finished?.objectives.every((objective) => objective.actualMs !== null) === true,
    how: "write `measure:` for every objective into the runbook, and finish the run",
  },
  verifications: {
    title: "verifications with expected and observed values",
    by: "runbook",
    has: ({ record }) => checksOf(record).some((check) => check.status === "met" || check.status === "not_met"),
    how: "write `verify:` into the runbook's steps",
  },
  artifacts: {
    title: "kept files with their digests: the back-up, the comparison, the log of the restore",
    by: "runbook",
    has: ({ record }) =>
      [...record.steps.values()].some(
        (step) => step.artifacts.length > 0 || (step.approval?.decisions ?? []).some((d) => d.attachments.length > 0),
      ),
    how: "write `artifacts:` into the runbook, or attach a file to an answer",
  },
  approvals: {
    title: "a documented approval",
    by: "tool",
    has: ({ record }) => decisionsOf(record).some((d) => d.decision === "approved" && d.by !== null),
    how: "write an `approval` step into the runbook",
  },
  result: {
    title: "the outcome",
    by: "tool",
    has: ({ record }) => record.finished !== null,
    how: "finish the run: runbook resume",
  },
  deviations: {
    title: "what did not go as written (computed; it may be empty)",
    by: "tool",
    has: ({ record }) => record.finished !== null,
    how: "finish the run: runbook resume",
  },
  integrity: {
    title: "a sealed record",
    by: "tool",
    has: ({ record }) => record.sealed !== null,
    how: "finish the run: runbook resume",
  },
  environment: {
    title: "where it ran",
    by: "tool",
    has: ({ record }) => Object.keys(record.started.environment).length > 0,
    how: "run it with this tool",
  },
  reason: {
    title: "reason for the change",
    by: "operator",
    has: (facts) => facts.record.started.reason !== null || added("reason")(facts),
    how: '--field reason="…" (or give --reason to `runbook run`)',
  },
  findings: {
    title: "findings, or the statement that there are none",
    by: "operator",
    has: ({ addendum }) => addendum.entries.some((entry) => entry.type === "finding.added"),
    how: '--finding "…"',
  },
  actions: {
    title: "corrective actions with owner and due date, where something went otherwise than planned",
    by: "operator",
    has: (facts) => {
      const actions = facts.addendum.entries.filter((entry) => entry.type === "action.added");
      if (actions.some((action) => action.owner === null || action.due === null)) return false;
      return actions.length > 0 || !hasGap(facts);
    },
    how: '--action "…; owner: NAME; due: 2026-12-01"',
  },
  sign_off: {
    title: "sign-off by name, role and date",
    by: "operator",
    has: ({ addendum }) => addendum.entries.some((entry) => entry.type === "signoff.added"),
    how: '--sign-off "ROLE"',
  },
  scope: stated("scope", "scope: systems, environment, data set, exclusions"),
  scenario: stated("scenario", "scenario that was exercised"),
  test_type: stated("test_type", "type of the exercise: tabletop, functional or full"),
  aims: {
    ...stated("aims", "aims of the exercise"),
    has: (facts) => facts.record.started.objectives.length > 0 || isStated("aims")(facts),
    how: '--field aims="…" (or write `objectives:` into the runbook)',
  },
  recommendations: said("recommendations", "recommendations"),
  next_test_due: {
    title: "when the next exercise is due",
    by: "operator",
    has: (facts) => facts.record.started.keeping?.drillEveryMs != null || added("next_test_due")(facts),
    how: '--field next_test_due="…" (or write `drill: { every: … }` into the runbook)',
  },
  impact: stated("impact", "impact of the change"),
  security_impact: stated("security_impact", "security impact of the change"),
  rollback_procedure: {
    ...stated("rollback_procedure", "procedure to return to the earlier state"),
    has: (facts) =>
      facts.record.started.kind === "rollback" ||
      facts.record.rollback !== null ||
      isStated("rollback_procedure")(facts),
  },
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof fields;

interface Standard {
  readonly title: string;
  /** Field and the clause that asks for it. */
  readonly asks: readonly (readonly [FieldName, string])[];
}

/** Sources: the published criteria; clauses are named so that an auditor finds them. */
export const standards = {
  "soc2-a1.3": {
    title: "SOC 2, Trust Services Criteria A1.3: recovery plan procedures are tested",
    asks: [
      ["procedure", "A1.3 recovery plan procedures"],
      ["schedule", "A1.3 testing is performed on a periodic basis"],
      ["participants", "A1.3"],
      ["targets", "A1.3 system recovery to meet its objectives"],
      ["actuals", "A1.3 results of testing"],
      ["verifications", "A1.3 integrity and completeness of back-up information"],
      ["artifacts", "A1.3 integrity and completeness of back-up information"],
      ["deviations", "A1.3 results of testing"],
      ["result", "A1.3 results of testing"],
      ["integrity", "CC7.5 evidence of recovery"],
      ["environment", "CC7.5"],
      ["findings", "A1.3 test results are considered"],
      ["actions", "A1.3 plans are revised as needed"],
      ["sign_off", "CC7.5 review by management"],
    ],
  },
  iso22301: {
    title: "ISO 22301:2019, clause 8.5: exercise programme",
    asks: [
      ["aims", "8.5 b) clearly defined aims and objectives"],
      ["scenario", "8.5 b) appropriate scenarios"],
      ["scope", "8.5 a) consistent with business continuity objectives"],
      ["procedure", "8.5"],
      ["participants", "8.5 c) those who have roles"],
      ["schedule", "8.5 g) at planned intervals"],
      ["verifications", "8.5 d) validate the strategies"],
      ["deviations", "8.5 e) formalised post-exercise reports: outcomes"],
      ["result", "8.5 e) formalised post-exercise reports: outcomes"],
      ["integrity", "7.5 documented information"],
      ["findings", "8.5 e) outcomes"],
      ["recommendations", "8.5 e) recommendations"],
      ["actions", "8.5 e) actions to implement improvements"],
      ["next_test_due", "8.5 g) at planned intervals"],
      ["sign_off", "9.3 management review"],
    ],
  },
  "pci-6.5.1": {
    title: "PCI DSS 4.0, requirement 6.5.1: changes are managed",
    asks: [
      ["reason", "6.5.1 reason for, and description of, the change"],
      ["procedure", "6.5.1 reason for, and description of, the change"],
      ["impact", "6.5.1 documentation of security impact"],
      ["security_impact", "6.5.1 documentation of security impact"],
      ["approvals", "6.5.1 documented change approval by authorised parties"],
      ["verifications", "6.5.1 testing that the change does not affect system security"],
      ["rollback_procedure", "6.5.1 procedures to address failures and return to a secure state"],
      ["participants", "6.5.1"],
      ["schedule", "6.5.1"],
      ["result", "6.5.1"],
      ["deviations", "6.5.1"],
      ["integrity", "10.3 audit logs are protected"],
      ["sign_off", "6.5.1"],
    ],
  },
  "nist-800-84": {
    title: "NIST SP 800-84, sections 5.5 and 6.5: after-action report",
    asks: [
      ["scope", "5.5 / 6.5 scope"],
      ["aims", "5.5 / 6.5 objectives"],
      ["scenario", "5.5 / 6.5 scenario"],
      ["test_type", "2.1 types of exercises"],
      ["participants", "5.5 / 6.5 participants"],
      ["schedule", "5.5 / 6.5 date and duration"],
      ["procedure", "6.5 plan that was exercised"],
      ["verifications", "6.5 evaluation criteria"],
      ["result", "5.5 / 6.5 results"],
      ["deviations", "5.5 / 6.5 observations"],
      ["environment", "6.5"],
      ["findings", "5.5 / 6.5 observations"],
      ["recommendations", "5.5 / 6.5 recommendations"],
      ["actions", "5.5 / 6.5 action items"],
    ],
  },
} as const satisfies Readonly<Record<string, Standard>>;

export type StandardName = keyof typeof standards;
export const standardNames = Object.keys(standards) as readonly StandardName[];

export interface CheckedField {
  readonly field: FieldName;
  readonly title: string;
  readonly clause: string;
  readonly by: FilledBy;
  readonly present: boolean;
  /** How to fill it; null = it is there. */
  readonly how: string | null;
}

export interface StandardCheck {
  readonly standard: StandardName;
  readonly title: string;
  readonly ok: boolean;
  readonly missing: readonly FieldName[];
  readonly fields: readonly CheckedField[];
}

export function checkStandard(name: StandardName, record: RunRecord, addendum: Addendum): StandardCheck {
  const { title, asks } = standards[name];
  const checked = asks.map(([field, clause]): CheckedField => {
    const { title: what, by, has, how } = fields[field];
    const present = has({ record, addendum });
    return { field, title: what, clause, by, present, how: present ? null : how };
  });
  const missing = checked.filter((item) => !item.present).map((item) => item.field);
  return { standard: name, title, ok: missing.length === 0, missing, fields: checked };
}

/** Names that `annotate --field` takes. */
export const statedFields: readonly string[] = [
  "reason",
  "aims",
  "scope",
  "scenario",
  "test_type",
  "recommendations",
  "next_test_due",
  "impact",
  "security_impact",
  "rollback_procedure",
  "change_ref",
  "incident_ref",
  "exclusions",
  "observer",
  "retention",
  "classification",
  "hold",
];
