/** The main job, on real input: the shipped `rollback-production` replaces the running release of a running app. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";

interface Release {
  readonly Version: number;
  readonly Status: string;
  readonly ImageRef: string;
}
const image = (tag: string) => `registry.fly.io/shop:${tag}`;
const rollBack = ["run", "rollback-production", "-t", "local", "-i", "reason=bad release"];

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["rollback-production"] });
  await rig.sandboxVerb("start");
});
afterAll(() => rig.end());

const releases = () => rig.fly<Release[]>("releases");
const newest = async () => (await releases())[0] as Release;
const step = (document: RunDocument, path: string) => document.steps.find((item) => item.path === path);

describe("a bad release is rolled back", () => {
  beforeEach(() => rig.sandboxVerb("seed", "good"));

  test("the earlier image serves, as a new and higher release; a second rollback goes one further back", async () => {
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-08") });
    const before = await newest();
    expect(before).toMatchObject({ Version: 10, ImageRef: image("deploy-08") });

    const first = await rig.json(rollBack);
    expect(first.code).toBe(0);
    expect(first.document).toMatchObject({
      format: "runbook.run/1.0",
      result: "succeeded",
      exitCode: 0,
      exitName: "ok",
      waitingFor: null,
      executor: { alive: false },
      objectives: [{ name: "rto", targetMs: 300_000, met: true }],
    });
    expect(step(first.document, "approve")?.status).toBe("skipped");
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-05") });
    expect(await newest()).toMatchObject({ Version: 11, Status: "complete", ImageRef: image("deploy-05") });

    const second = await rig.json(rollBack);
    expect(second.code).toBe(0);
    expect(step(second.document, "choose")?.outputs).toEqual({ version: 5, image: image("deploy-03") });
    expect(await rig.version()).toEqual({ status: 200, image: image("deploy-03") });
    expect(await newest()).toMatchObject({ Version: 12, Status: "complete", ImageRef: image("deploy-03") });
  });

  test("the evidence says what was live, what was chosen and why, and can be checked anywhere", async () => {
    const { document } = await rig.json(rollBack);
    const { run, dir } = document;
    const report = readFileSync(document.report ?? "", "utf8");
    // Outside its window the run passes with a deviation; the window is judged by the clock of the machine.
    expect(report).toMatch(/Roll production back to the last good release: PASSED(?: WITH DEVIATIONS)?, RTO/);
    expect(report).toMatch(/\| RTO \| 5m \| \*\*[\d.]+m?s\*\* \| .* \| met \|/);
    expect(report).toContain("reason: bad release");
    expect(report).toContain("| version | `10` |"); // before
    expect(report).toContain("| version | `8` |"); // chosen
    expect(report).toContain("the newest complete one before the live image");
    expect(report).toContain("it has the live image"); // why v10 was passed over,
    expect(report).toContain("it is failed, not complete"); // and v9
    expect(report).toContain(`fly deploy --app shop --image ${image("deploy-05")} --strategy rolling`);
    expect(report).toContain(
      `| \`result.json.image == steps.choose.outputs.image\` | met | \`result.json.image == steps.choose.outputs.image, which is "${image("deploy-05")}"\` | \`result.json.image = "${image("deploy-05")}"\` |`,
    );

    expect((await rig.run(["report", run])).stdout).toBe(report);
    const verified = await rig.json(["verify", run]);
    expect(verified).toMatchObject({ code: 0, document: { ok: true, sealed: true, problems: [] } });
    const copy = join(rig.dir, "elsewhere", run);
    cpSync(dir, copy, { recursive: true });
    expect(await rig.json(["verify", copy], { env: { RUNBOOK_STATE_DIR: join(rig.dir, "nothing") } })).toMatchObject({
      code: 0,
      document: { ok: true },
    });
    // The supervisor's files are gone with it.
    expect(rig.processes().filter(({ command }) => /executor|supervisor/.test(command))).toEqual([]);
  });

  test("-o ndjson is the journal, line by line", async () => {
    const ran = await rig.run([...rollBack, "--no-input", "-o", "ndjson"]);
    expect(ran.code).toBe(0);
    const [version, ...lines] = ran.stdout.split("\n");
    expect(JSON.parse(version ?? "")).toMatchObject({ type: "version", format: "runbook.events/1.0" });
    const run = (JSON.parse(lines[0] ?? "") as { run: string }).run;
    expect(lines.join("\n")).toBe(rig.file(run, "journal.ndjson"));
  });
});
