/**
 * The row "host rebooted" of the decision table, end to end: everything of the run is killed at once, and who resumes it
 * lives in a mount namespace where the kernel's boot id is another one.
 */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig, documentOf, finished, program, type RunDocument } from "../rig/cli-rig.ts";
import { ledgerStep } from "../rig/ledger-step.ts";
import { endProcessesOf } from "../rig/processes.ts";

const bootId = "/proc/sys/kernel/random/boot_id";
/** What `unshare` takes: a namespace of mounts, with one of users where that is needed to have it. */
const unshared = ["-m", "-Urm"].find(
  (flags) => spawnSync("unshare", [flags, "mount", "--bind", "/proc/version", bootId]).status === 0,
);
const isRequired = process.env["RUNBOOK_TEST_REQUIRE"] === "1";
if (unshared === undefined)
  console.log("listed, not run: a restarted machine (unshare -m may not bind over /proc here)");

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
});
afterAll(() => rig.end());

test.skipIf(unshared === undefined && !isRequired)(
  "after a restart of the machine nothing is adopted: reads and promises run again, a check is asked, the rest waits",
  async () => {
    expect(unshared, "unshare -m cannot bind over /proc").toBeDefined();
    const names = ["look", "again", "checked", "once"];
    rig.runbook("restarted", {
      steps: [
        {
          id: "all",
          title: "All",
          parallel: [
            ledgerStep("look", { effects: "read", gate: "look" }),
            ledgerStep("again", { gate: "again" }, { idempotent: true }),
            ledgerStep("checked", { gate: "checked" }, { check: { run: "true", that: "result.exitCode == 0" } }),
            ledgerStep("once", { gate: "once" }),
          ],
        },
      ],
    });
    const gates = names.map((name) => rig.gate(name));
    const viewer = rig.start(["run", "restarted", "-t", "here", "--no-input", "-o", "json"]);
    for (const name of names) await viewer.waitForLedger(name);
    const run = await viewer.run();
    // All at once: nobody lives long enough to notice how another one died.
    for (const { pid } of rig.processes()) process.kill(pid, "SIGSTOP");
    await rig.killExecutor(run);
    await rig.killSupervisors(run);
    await endProcessesOf(rig.dir);
    for (const gate of gates) gate.open();

    const resumed = await afterRestart(["resume", run, "--no-input", "-o", "json"]);
    expect(resumed.code).toBe(5);
    expect(rig.ledger().slice(4).sort()).toEqual(["again", "again done", "look", "look done"]);
    const { waitingFor, deviations, steps } = documentOf<RunDocument & Restarted>(resumed);
    expect(waitingFor).toEqual([expect.objectContaining({ step: "all.once", kind: "indeterminate" })]);
    expect(deviations).toContainEqual(expect.objectContaining({ what: expect.stringContaining("was restarted") }));
    expect(Object.fromEntries(steps.map(({ path, status }) => [path, status]))).toMatchObject({
      "all.look": "succeeded",
      "all.again": "succeeded",
      "all.checked": "succeeded",
      "all.once": "indeterminate",
    });

    const words = ["resume", run, "--accept", "all.once", "--reason", "seen by a person", "--no-input", "-o", "json"];
    expect((await afterRestart(words)).code).toBe(0);
    expect(
      rig
        .ledger()
        .filter((line) => /^(once|checked)/.test(line))
        .sort(),
    ).toEqual(["checked", "once"]);
    expect(await rig.problems(run)).toEqual([]);
  },
);

interface Restarted {
  readonly deviations: readonly { readonly what: string }[];
}

/** `runbook …` where another boot id is the kernel's. */
async function afterRestart(words: readonly string[]) {
  const other = join(rig.dir, "boot-id");
  writeFileSync(other, "0f0e0d0c-0b0a-4908-8706-050403020100\n");
  const script = `mount --bind "$0" ${bootId} && exec "$@"`;
  const child = spawn("unshare", [unshared ?? "-m", "sh", "-c", script, other, process.execPath, program, ...words], {
    cwd: rig.project,
    env: rig.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return await finished(child);
}
