// W4: many files at once, as CI does.
import { join } from "node:path";
import { runProcess } from "../measure.mjs";
import { bundlePart } from "../parts.mjs";
import { makeProject, program } from "../projects.mjs";

/** Twenty steps that read one another. */
export function linkedSteps() {
  return Array.from({ length: 20 }, (_, at) => {
    const first = at === 0 ? "true != (result.status > 500)" : `steps.step${at - 1}.outputs.status == result.status`;
    return `  - id: step${at}
    title: Step ${at} on \${{ target.name }}
    uses: http
    with: { url: "https://\${{ inputs.host }}/${at}" }
    retry: 3
    outputs: { status: result.status, items: result.json.items }
    verify:
      - result.status == 200
      - that: ${first}
        message: Got \${{ result.status }}.
`;
  }).join("");
}

export function filesProject(directory, count) {
  const more = "targets: [local]\ninputs: { host: { type: string, default: shop.example } }\n";
  const steps = linkedSteps();
  return makeProject(
    directory,
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`many-${at}`, { steps, more }])),
  );
}

const w4 = {
  id: "W4",
  title: "validate and plan --all over files of 20 steps",
  async prepare({ directory, small }) {
    const count = small ? 20 : 500;
    const cwd = filesProject(directory, count);
    const bare = await bundlePart(directory, "validate-loop", "scripts/bench/limits/validate-loop.mjs");
    const node = process.execPath;
    return {
      unit: `${count} files`,
      entrants: [
        {
          name: "yaml with positions + compiled schema",
          limit: true,
          run: () => runProcess([node, bare, join(directory, "runbooks")], { cwd }),
        },
        { name: "validate", goal: 1.3, run: () => runProcess([node, program, "validate"], { cwd }) },
        { name: "plan --all", goal: 2.0, run: () => runProcess([node, program, "plan", "--all"], { cwd }) },
      ],
    };
  },
};

export const fileWorkloads = [w4];
