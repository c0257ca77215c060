/**
 * Compares what two environments have, section by section. A difference may be declared, with a reason and a day on which
 * the declaration ends. Nothing on both sides is no parity: it only shows that nothing was looked at.
 */
import { closed, listOf, result, row, text, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface Section {
  readonly name: string;
  readonly left: readonly string[];
  readonly right: readonly string[];
}

interface Exception {
  readonly section: string;
  readonly item: string;
  readonly until: string;
  readonly reason: string;
}

interface ParitySpec {
  readonly left: string;
  readonly right: string;
  readonly sections: readonly Section[];
  readonly exceptions?: readonly Exception[];
}

interface Difference {
  readonly section: string;
  readonly item: string;
  readonly onlyIn: string;
}

interface ParityResult {
  readonly compared: number;
  readonly differences: readonly Difference[];
  readonly excepted: readonly (Difference & { readonly until: string; readonly reason: string })[];
  readonly expired: readonly string[];
  readonly unused: readonly string[];
}

const differenceFields = {
  section: text("Section."),
  item: text("What one side has."),
  onlyIn: text("Which side."),
};

export const parity = defineStepType<ParitySpec, ParityResult>({
  type: "parity",
  summary:
    "Compares lists of two environments by section; differences may be declared until a day. Fails when a section is empty on both sides, which proves nothing.",
  docs: "https://12factor.net/dev-prod-parity",
  effects: "read",
  timeoutMs: 10_000,
  input: closed(
    {
      left: text("Name of one side.", { minLength: 1 }),
      right: text("Name of the other side.", { minLength: 1 }),
      sections: listOf(
        closed(
          {
            name: text("What is compared, such as `secret names`.", { minLength: 1 }),
            left: listOf(text("Item."), "What the left side has."),
            right: listOf(text("Item."), "What the right side has."),
          },
          ["name", "left", "right"],
        ),
        "What to compare, each as lists of texts whose order does not matter.",
        { minItems: 1 },
      ),
      exceptions: listOf(
        closed(
          {
            section: text("Name of the section."),
            item: text("The item that may be on one side only."),
            until: text("Last day of the exception, `2027-03-31`.", { pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
            reason: text("Why.", { minLength: 3 }),
          },
          ["section", "item", "until", "reason"],
        ),
        "Declared differences.",
      ),
    },
    ["left", "right", "sections"],
  ),
  examples: [
    {
      left: "production",
      right: "staging",
      sections: [
        {
          name: "secret names",
          left: "${{ steps.own.outputs.names }}",
          right: "${{ steps.other.outputs.names }}",
        },
        { name: "regions", left: ["ams", "iad"], right: ["ams"] },
      ],
      exceptions: [{ section: "regions", item: "iad", until: "2027-03-31", reason: "Staging runs in one region." }],
    },
  ],
  result: result({
    compared: whole("Different items that were compared."),
    differences: listOf(row(differenceFields), "What only one side has and nobody declared, or no longer."),
    excepted: listOf(
      row({ ...differenceFields, until: text("Last day."), reason: text("Why.") }),
      "Differences that are declared.",
    ),
    expired: listOf(text("Exception."), "Exceptions whose last day is over and whose difference is still there."),
    unused: listOf(text("Exception."), "Exceptions without a difference: take them out."),
  }),
  action: (spec) => ({ text: `compare ${spec.left} with ${spec.right}`, argv: null }),
  async run(spec, host) {
    const empty = spec.sections.filter(({ left, right }) => left.length === 0 && right.length === 0);
    if (empty.length > 0) {
      throw new StepFailure(
        "failed",
        "nothing-compared",
        `Neither ${spec.left} nor ${spec.right} has any ${empty.map(({ name }) => name).join(", ")}: 0 against 0 is no parity.`,
        { facts: { sections: empty.map(({ name }) => name) } },
      );
    }
    const found = spec.sections.flatMap((section) => differencesOf(spec, section));
    const today = host.clock.now().toISOString().slice(0, 10);
    const declared = (each: Difference) => (spec.exceptions ?? []).filter((exception) => isFor(exception, each));
    const isOver = ({ until }: Exception) => until < today;
    const excepted = found.flatMap((each) => {
      const valid = declared(each).find((exception) => !isOver(exception));
      return valid === undefined ? [] : { ...each, until: valid.until, reason: valid.reason };
    });
    const differences = found.filter((each) => !declared(each).some((exception) => !isOver(exception)));
    return {
      compared: spec.sections.reduce((sum, { left, right }) => sum + new Set([...left, ...right]).size, 0),
      differences,
      excepted,
      expired: differences.flatMap(declared).map(exceptionText),
      unused: (spec.exceptions ?? []).filter((each) => !found.some((one) => isFor(each, one))).map(exceptionText),
    };
  },
});

function differencesOf(spec: ParitySpec, { name, left, right }: Section): Difference[] {
  const only = (own: readonly string[], other: readonly string[], onlyIn: string) =>
    [...new Set(own)]
      .filter((item) => !other.includes(item))
      .sort()
      .map((item): Difference => ({ section: name, item, onlyIn }));
  return [...only(left, right, spec.left), ...only(right, left, spec.right)];
}

function isFor(exception: Exception, { section, item }: Difference): boolean {
  return exception.section === section && exception.item === item;
}

function exceptionText({ section, item, until }: Exception): string {
  return `${section}: ${item} (until ${until})`;
}
