/** The image is not built here: what can be said of its text is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { environmentVariables } from "../../src/cli/help/environment-variables.ts";
import { root } from "../docs/markdown.ts";

const lines = readFileSync(join(root, "Dockerfile"), "utf8")
  .replace(/\\\n/g, " ")
  .split("\n")
  .filter((line) => /^[A-Z]/.test(line));
const argumentsOf = (word: string) =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

test("the image runs the tool as nobody special, in /runbooks, with its state on a volume", () => {
  const last = lines.lastIndexOf(`FROM ${argumentsOf("FROM").at(-1)}`);
  expect(lines.slice(last)).toEqual(
    expect.arrayContaining(["USER node", "WORKDIR /runbooks", "VOLUME /state", 'ENTRYPOINT ["runbook"]']),
  );
  expect(lines.indexOf("USER node")).toBeGreaterThan(lines.findLastIndex((line) => line.startsWith("RUN ")));
});

test("it is built on a Node that package.json allows, and sets a variable that the tool reads", () => {
  for (const image of argumentsOf("FROM")) expect(image).toMatch(/^node:(?:22|24|26)-/);
  for (const [name] of argumentsOf("ENV").map((text) => text.split("=")))
    expect(environmentVariables.map((variable) => variable.name)).toContain(name);
});

test("secrets and runs stay out of the build", () => {
  const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  expect(ignored).toEqual(expect.arrayContaining([".git", ".runbook", "vault"]));
});
