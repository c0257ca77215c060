/** The crash matrix at the size of a pull request, and that no failpoint is missing from it; `npm run test:crash` has the rest. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failpoints } from "../../src/host/failpoints.ts";
import { killPoints, passedOtherwise } from "./kill-cases.ts";
import { casesOf, missingTools } from "./sizes.ts";
import { Workload } from "./workload.ts";

let workload: Workload;
beforeAll(async () => {
  workload = new Workload();
  await workload.prepare();
});
afterAll(() => workload.rig.end());

describe("W20", () => {
  test.each(casesOf("pr"))("$matrix: $name", async ({ run }) => {
    expect(await run(workload)).toEqual([]);
  });

  test("passes every failpoint where the matrix expects it", () => {
    expect(passedOtherwise(workload)).toEqual([]);
    const passed = new Set(workload.passed.flat().map((line) => line.split(" ")[0]));
    expect([...passed].sort()).toEqual(Object.keys(failpoints).sort());
  });

  test("was killed at every failpoint", () => {
    expect([...workload.reached].sort()).toEqual(Object.keys(failpoints).sort());
  });

  // Told, and a failure where everything is expected to be there.
  for (const tool of missingTools()) {
    if (process.env["RUNBOOK_TEST_REQUIRE"] === "1") test(tool, () => expect.unreachable(tool));
    else test.todo(`not run: ${tool}`);
  }
});

test("every failpoint that the command knows is in the matrix", () => {
  expect([...new Set(killPoints().map(({ point }) => point))].sort()).toEqual(Object.keys(failpoints).sort());
});
