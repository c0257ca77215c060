/** A workflow on GitHub, dispatched by a run that is killed while it waits: the run that goes on finds it and starts no second one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { CliRig } from "../rig/cli-rig.ts";

interface Kept {
  readonly runs: readonly { readonly title: string }[];
}

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig();
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

function runbook(name: string, more: object): void {
  const body = {
    apiVersion: "runbook/v1",
    name,
    version: "1.0.0",
    title: "Dispatch a workflow",
    owner: "team",
    kind: "maintenance",
    description: "A test.",
    targets: ["local"],
    secrets: ["GITHUB_TOKEN"],
    steps: [
      {
        id: "deploy",
        title: "Dispatch and wait",
        uses: "github/workflow",
        with: {
          api: "${{ target.services.github }}",
          repository: "${{ target.repository }}",
          token: "${{ secrets.GITHUB_TOKEN }}",
          workflow: "deploy.yml",
          ref: "main",
        },
        irreversible: "A test",
        ...more,
      },
    ],
  };
  rig.write(`runbooks/${name}.yaml`, stringify(body, { lineWidth: 0 }));
}

const kept = async () => JSON.parse(await rig.sandboxVerb("service", "github")) as Kept;

/** Starts the run and kills its executor while the workflow runs. */
async function killedWhileWaiting(name: string): Promise<string> {
  await rig.sandboxVerb("service", "github", "run-stuck");
  const before = (await kept()).runs.length;
  const viewer = rig.start(["run", name, "-t", "local", "--no-input", "-o", "json"]);
  await viewer.waitForRecord("the dispatch is on its way", ({ type }) => type === "command.started");
  while ((await kept()).runs.length === before) await new Promise((done) => setImmediate(done));
  await viewer.kill9Executor();
  await viewer.ended;
  await rig.sandboxVerb("service", "github", "ok");
  return await viewer.run();
}

test.each([
  ["promised", { idempotent: true }],
  [
    "checked",
    {
      check: {
        uses: "github/workflow-run",
        with: {
          api: "${{ target.services.github }}",
          repository: "${{ target.repository }}",
          token: "${{ secrets.GITHUB_TOKEN }}",
          workflow: "deploy.yml",
        },
        that: 'result.conclusion != null && result.conclusion == "success"',
      },
    },
  ],
])("killed while it waits, a %s step goes on with the run that is there", async (name, more) => {
  runbook(name, more);
  const run = await killedWhileWaiting(name);
  const resumed = await rig.json(["resume", run]);
  expect(resumed).toMatchObject({ code: 0, document: { result: "succeeded" } });
  const { runs } = await kept();
  expect(runs.filter(({ title }) => title.includes(run))).toHaveLength(1);
  // What only asks leaves no intent in the journal; the dispatch does, once.
  const intents = rig.journal(run).flatMap((record) => (record.type === "command.started" ? [record.argv[0]] : []));
  expect(intents).toEqual(["POST"]);
  const token = rig.sandbox.secrets["GITHUB_TOKEN"] ?? "";
  for (const entry of readdirSync(rig.runDir(run), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) expect(readFileSync(join(entry.parentPath, entry.name), "latin1")).not.toContain(token);
  expect(await rig.problems(run)).toEqual([]);
});

test("a workflow that fails fails the run, with its page", async () => {
  runbook("failing", { idempotent: true });
  await rig.sandboxVerb("service", "github", "run-failing");
  const { code, document } = await rig.json(["run", "failing", "-t", "local"]);
  expect(code).toBe(1);
  expect(document.steps[0]?.failure?.message).toMatch(/ended as failure, not success: http:\/\/127/);
  await rig.sandboxVerb("service", "github", "ok");
});
