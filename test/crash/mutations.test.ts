/** That the mutation gate, which takes too long for every run of the tests, still finds the places of its bugs. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly tests: readonly string[];
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const { mutations } = (await import(pathToFileURL(join(root, "scripts/mutations.mjs")).href)) as {
  mutations: readonly Mutation[];
};

test.each(mutations)("$name has its place, and tests that should notice it", ({ file, from, to, tests }) => {
  expect(readFileSync(join(root, file), "utf8").split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
  expect(tests.filter((each) => !existsSync(join(root, each)))).toEqual([]);
});
