/** `canary-deploy` loses its executor to kill -9 at the worst moments: one outcome, and never a machine in between. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { JournalRecord } from "../../src/engine/events.ts";
import { CliRig } from "../rig/cli-rig.ts";

interface Release {
  readonly Version: number;
  readonly Status: string;
  readonly ImageRef: string;
}
interface Machine {
  readonly id: string;
  readonly state: string;
  readonly config: { readonly image: string };
}

const image = (tag: string) => `registry.fly.io/shop:${tag}`;
const start = (tag: string) =>
  [
    ["run", "canary-deploy", "-t", "local", "-i", `image=${image(tag)}`, "-i", "reason=a kill"],
    ["-i", "soak=300ms", "-i", "requests=20", "--no-input", "-o", "json"],
  ].flat();
const commandOf = (step: string) => (entry: JournalRecord) => entry.type === "command.started" && entry.step === step;
const begins = (step: string) => (entry: JournalRecord) => entry.type === "step.started" && entry.step === step;

let rig: CliRig;
beforeAll(async () => {
  rig = new CliRig({ shipped: ["canary-deploy"] });
  await rig.sandboxVerb("start");
});
beforeEach(async () => {
  await rig.sandboxVerb("seed", "good");
  await rig.sandboxVerb("image", "add", image("late"), "--behaviour", "slow", "--latency-ms", "600");
});
afterAll(() => rig.end());

const machines = async () =>
  (await rig.fly<Machine[]>("machine", "list")).map(({ state, config }) => [state, config.image]);
const releasesSince = async (version: number) =>
  (await rig.fly<Release[]>("releases")).filter(({ Version }) => Version > version).reverse();

/** Kills at the first record that fits, resumes, and gives what the second executor ended with. */
async function killedAt(tag: string, fits: (entry: JournalRecord) => boolean, supervisors: boolean) {
  const started = rig.start(start(tag));
  await started.waitForRecord("the place of the kill", fits);
  const run = await started.run();
  if (supervisors) await rig.killSupervisors(run);
  await started.kill9Executor();
  expect((await started.ended).code).toBe(1);
  const resumed = await rig.json(["resume", run]);
  expect(await rig.problems(run)).toEqual([]);
  expect(rig.processes().filter(({ command }) => /executor|supervisor/.test(command))).toEqual([]);
  return resumed;
}

test.each([
  ["while the canary gets its image", commandOf("canary.one")],
  ["while it soaks", begins("canary.soak")],
  ["while it is promoted", commandOf("canary.promote")],
])("%s: resumed, the new image is everywhere, by two releases and no more", async (_, fits) => {
  const { code, document } = await killedAt("deploy-09", fits, false);
  expect(document.result).toBe("succeeded");
  expect(code).toBe(0);
  expect(document.deviations).toMatchObject([{ kind: "resumed" }]);
  expect(await machines()).toEqual([
    ["started", image("deploy-09")],
    ["started", image("deploy-09")],
  ]);
  expect(await releasesSince(10)).toMatchObject([
    { Version: 11, Status: "complete", ImageRef: image("deploy-09") },
    { Version: 12, Status: "complete", ImageRef: image("deploy-09") },
  ]);
});

test("with its supervisor too, in the middle of the promotion: the check decides, and no machine is left behind", async () => {
  const { code, document } = await killedAt("deploy-09", commandOf("canary.promote"), true);
  expect(document.result).toBe("succeeded");
  expect(code).toBe(0);
  expect(await machines()).toEqual([
    ["started", image("deploy-09")],
    ["started", image("deploy-09")],
  ]);
});

test("while the canary is put back: resumed, the abort is finished", async () => {
  const { code, document } = await killedAt("late", commandOf("canary.one.rollback.put_back"), false);
  expect(document.result).toBe("rolled_back");
  expect(code).toBe(6);
  expect(await machines()).toEqual([
    ["started", image("deploy-08")],
    ["started", image("deploy-08")],
  ]);
});
