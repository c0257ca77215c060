/** Two environments side by side: differences, declared ones, and the comparison of nothing with nothing. */
import { expect, test } from "vitest";
import { parity } from "../../src/steps/parity.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

/** Now is 2026-11-20. */
const compare = (left: readonly string[], right: readonly string[], exceptions: readonly object[] = []) =>
  ({ left: "shop", right: "shop-staging", sections: [{ name: "names", left, right }], exceptions }) as never;
const exception = (item: string, until: string) => ({ section: "names", item, until, reason: "a trial" });

test("the same items in any order are alike", async () => {
  expect(await runStep(parity, compare(["A", "B"], ["B", "A", "A"]), rigHost())).toEqual({
    compared: 2,
    differences: [],
    excepted: [],
    expired: [],
    unused: [],
  });
});

test("names what only one side has, and which", async () => {
  const { differences } = await runStep(parity, compare(["A", "B"], ["B", "C"]), rigHost());
  expect(differences).toEqual([
    { section: "names", item: "A", onlyIn: "shop" },
    { section: "names", item: "C", onlyIn: "shop-staging" },
  ]);
});

test.each([
  ["2026-11-20", [], 1, []],
  ["2026-11-19", ["A"], 0, ["names: A (until 2026-11-19)"]],
])("an exception until %s", async (until, items, excepted, expired) => {
  const found = await runStep(parity, compare(["A", "B"], ["B"], [exception("A", until)]), rigHost());
  expect(found.differences.map((each) => each.item)).toEqual(items);
  expect(found.excepted).toHaveLength(excepted);
  expect(found.expired).toEqual(expired);
});

test("an exception that nothing needs is named", async () => {
  const found = await runStep(parity, compare(["A"], ["A"], [exception("Z", "2027-01-01")]), rigHost());
  expect(found.unused).toEqual(["names: Z (until 2027-01-01)"]);
});

test("nothing on both sides fails; on one side it is a difference", async () => {
  expect(await failureOf(parity, compare([], []), rigHost())).toMatchObject({
    class: "failed",
    reason: "nothing-compared",
  });
  expect((await runStep(parity, compare([], ["A"]), rigHost())).differences).toHaveLength(1);
});
