import { expect, it } from "vitest";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "./catalogue.ts";

/** A runbook of 20 steps that read one another. */
function runbook(name: string): string {
  const steps = Array.from(
    { length: 20 },
    (_, i) => `  - id: step_${i}
    title: Step ${i} on \${{ target.name }}
    uses: http
    with: { url: "https://\${{ inputs.host }}/${i}" }
    retry: 3
    outputs: { status: result.status, items: result.json.items }
    verify:
      - result.status == 200
      - that: ${i === 0 ? "true != (result.status > 500)" : `steps.step_${i - 1}.outputs.status == result.status`}
        message: Got \${{ result.status }}.
`,
  );
  return `apiVersion: runbook/v1
name: ${name}
version: 1.0.0
title: Many steps
owner: team
kind: audit
description: d
inputs: { host: { type: string, required: true } }
steps:
${steps.join("")}`;
}

it("50 files of 20 steps validate within a second or so", () => {
  const files = Array.from({ length: 50 }, (_, i) => ({ file: `runbooks/many-${i}.yaml`, text: runbook(`many-${i}`) }));
  const before = process.cpuUsage();
  for (const { file, text } of files) expect(loadRunbook({ file, text, catalogue }).diagnostics).toEqual([]);
  const { user, system } = process.cpuUsage(before);
  // Processor time, which other work on the machine disturbs less. The goal is 1,000 ms for the bundled command; here
  // the runner's own work and the collection of garbage on other threads count as well.
  expect((user + system) / 1000).toBeLessThan(4000);
});
