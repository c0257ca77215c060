import { expect, test } from "vitest";
import { matchesShown } from "../../src/engine/bound.ts";

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
