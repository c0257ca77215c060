import { expect, test } from "vitest";
import { approvalDrift, matchesShown } from "../../src/engine/bound.ts";
import type { RunRecord } from "../../src/engine/run-record.ts";

test.each([
  ["fly deploy --image a", "fly deploy --image a", true],
  ["fly deploy --image a", "fly deploy --image b", false],
  ["fly deploy --image ‹known after choose› --yes", "fly deploy --image x:1 --yes", true],
  ["fly deploy --image ‹known after choose› --yes", "fly deploy --image x:1 --yes --force", false],
  ["fly deploy --image ‹known after choose› --yes", "rm -rf / --yes", false],
  ["‹a› and ‹b›", "1 and 2", true],
  ["‹a› and ‹b›", "1 or 2", false],
  ["x ‹a›", "x ", true],
  ["x ‹a› x", "x x", false],
])("shown %j, now %j: %j", (shown, actual, expected) => {
  expect(matchesShown(shown, actual)).toBe(expected);
});

test.each([
  ["each[1].w", "change b", false],
  ["each[1].w", "drop b", true],
  ["all[0]", "ping a", false],
  ["all[0]", "kill a", true],
  ["other[0]", "anything", false],
])("items of a step that was shown for each of them: %s doing %j drifts: %j", (path, action, drifts) => {
  const bound = [
    { step: "each.w", action: "change ‹known after each host›" },
    { step: "all", action: "for each of 2: ping ‹known after each host›" },
  ];
  const steps = new Map([["ask", { approval: { state: "approved", request: { bound } } }]]);
  expect(approvalDrift({ steps } as unknown as RunRecord, path, action) !== null).toBe(drifts);
});
