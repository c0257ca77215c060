import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SupervisorClient, SupervisorLost } from "../../../src/host/supervisor/client.ts";
import {
  identityOf,
  isAlive,
  type ProcessIdentity,
  processState,
} from "../../../src/host/supervisor/process-identity.ts";
import { endMarked, sweepMarker } from "../../../src/host/supervisor/process-sweep.ts";
import type { CommandExit } from "../../../src/host/supervisor/protocol.ts";
import { removeRuntimeDir } from "../../../src/host/supervisor/runtime-dir.ts";
import { createRig, type Rig, textOf, until } from "./rig.ts";

const SECRET = "sekret-value-of-some-length";

let rig: Rig;
let ledger: string;
let gate: string;
beforeEach(async () => {
  rig = await createRig([{ name: "TOKEN", value: SECRET }]);
  ledger = join(rig.dir, "ledger");
  gate = join(rig.dir, "gate");
});
afterEach(() => rig.dispose());

/** Shell text: writes `line` into the ledger, durably. It is the oracle for what really happened. */
const note = (line: string): string => `echo ${line} >> ${ledger}; sync ${ledger}`;
/** Shell text: waits until the test opens the gate. */
const waitForGate = (): string => `while [ ! -e ${gate} ]; do sleep 0.02; done`;
const openGate = (): void => writeFileSync(gate, "");
const ledgerHas = (line: string) => () => textOf(ledger).split("\n").includes(line);

async function supervisorOf(executor: ChildProcess): Promise<ProcessIdentity> {
  const [line] = (await once(createInterface(executor.stdout!), "line")) as [string];
  return (JSON.parse(line) as { supervisor: ProcessIdentity }).supervisor;
}

async function killSupervisor(client: SupervisorClient): Promise<void> {
  const identity = client.identity()!;
  process.kill(identity.pid, "SIGKILL");
  await until("the supervisor is dead", () => !isAlive(identity));
}

const exited = (adoption: Awaited<ReturnType<Rig["adopt"]>>): CommandExit => {
  if (adoption.kind !== "exited") throw new Error(`not exited: ${JSON.stringify(adoption)}`);
  return adoption.exit;
};

describe("the executor is killed", () => {
  for (const held of [false, true]) {
    it(`in the middle of a ${held ? "held" : "bare"} command: everything is adopted`, async () => {
      const script = `${note("began")}; echo before; ${waitForGate()}; echo "after ${SECRET}"; echo e >&2; ${note("done")}; exit 9`;
      const spec = rig.spec(script, { held });
      const executor = rig.executor([spec, rig.spec(note("second"))]);
      const supervisor = await supervisorOf(executor);
      await until("the command began", ledgerHas("began"));
      executor.kill("SIGKILL");
      await once(executor, "exit");
      const adopting = rig.adopt(spec);
      openGate();
      const exit = exited(await adopting);
      expect(exit).toMatchObject({ code: 9, cause: "exit", outputGap: "none", drained: true });
      expect(rig.read(spec)).toBe("before\nafter ***\n");
      expect(rig.read(spec, "err")).toBe("e\n");
      await until("the supervisor left", () => !isAlive(supervisor));
      expect(textOf(ledger)).toBe("began\ndone\n");
    });
  }

  it("while nothing runs: the supervisor leaves and takes its FIFOs along", async () => {
    const spec = rig.spec("echo x");
    const executor = rig.executor([spec]);
    const supervisor = await supervisorOf(executor);
    await until("the exit is recorded", () => textOf(join(rig.runDir, "exits.ndjson")).includes("\n"));
    executor.kill("SIGKILL");
    await until("the supervisor left", () => !isAlive(supervisor));
    expect(readdirSync(rig.runtimeDir)).toEqual([]);
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 0 });
  });

  it("before a timeout: the timeout still holds", async () => {
    const spec = rig.spec(`trap '' TERM; ${note("began")}; while :; do sleep 0.05; done`, {
      timeoutMs: 700,
      graceMs: 100,
    });
    const executor = rig.executor([spec]);
    await supervisorOf(executor);
    await until("the command began", ledgerHas("began"));
    executor.kill("SIGKILL");
    expect(exited(await rig.adopt(spec))).toMatchObject({ cause: "timeout", signal: "SIGKILL", survivors: [] });
  });

  it("and the adopter gives up waiting: the supervisor is left alone", async () => {
    const spec = rig.spec(`${note("began")}; ${waitForGate()}; exit 4`);
    const executor = rig.executor([spec]);
    const supervisor = await supervisorOf(executor);
    await until("the command began", ledgerHas("began"));
    executor.kill("SIGKILL");
    expect(await rig.adopt(spec, AbortSignal.abort())).toEqual({ kind: "alive", pids: [supervisor.pid] });
    openGate();
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 4 });
  });
});

describe("the supervisor is killed", () => {
  it("in the middle of a held command: the effect happens and the status is adopted, twice the same", async () => {
    const client = await rig.client();
    const script = `${note("began")}; echo before; ${waitForGate()}; for i in 1 2 3; do echo "line $i ${SECRET}"; done; ${note("done")}; exit 5`;
    const spec = rig.spec(script, { held: true });
    const { exit } = client.run(spec);
    await until("output arrived", () => textOf(spec.stdoutFile) === "before\n");
    await killSupervisor(client);
    await expect(exit).rejects.toThrow(SupervisorLost);
    const adopting = rig.adopt(spec);
    openGate();
    const adopted = exited(await adopting);
    expect(adopted).toMatchObject({ code: 5, signal: null, cause: "exit", outputGap: "possible", drained: true });
    expect(rig.read(spec)).toBe(
      "before\n\n[runbook: output may be missing here]\nline 1 ***\nline 2 ***\nline 3 ***\n",
    );
    expect(adopted.stdout).toMatchObject({ bytes: rig.readBytes(spec).length, droppedBytes: 0 });
    expect(textOf(ledger)).toBe("began\ndone\n");
    expect(exited(await rig.adopt(spec))).toEqual(adopted);
    await until("the holder left", () => sweepMarker(rig.runId, spec.attemptId).length === 0);
  });

  it("and its run is over and tidied up before the holder looks for its answer: it leaves", async () => {
    const client = await rig.client();
    const spec = rig.spec(`${note("began")}; ${waitForGate()}`, { held: true });
    client.run(spec);
    await until("the command began", ledgerHas("began"));
    await killSupervisor(client);
    openGate();
    // It asks once a second from now on.
    await until("the code is filed", () => textOf(join(rig.runtimeDir, "codes")) === `${spec.attemptId} 0\n`);
    removeRuntimeDir(rig.runtimeDir);
    await until("the holder left", () => sweepMarker(rig.runId, spec.attemptId).length === 0);
  });

  it("and the held command has ended before anyone adopts it: nothing is lost, no writer needed", async () => {
    const client = await rig.client();
    const lines = 400;
    const script = `${note("began")}; ${waitForGate()}; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "$i ${SECRET}"; done; ${note("done")}`;
    const spec = rig.spec(script, { held: true });
    client.run(spec);
    await until("the command began", ledgerHas("began"));
    await killSupervisor(client);
    openGate();
    await until("the code is filed", () => textOf(join(rig.runtimeDir, "codes")) === `${spec.attemptId} 0\n`);
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 0, outputGap: "possible", drained: true });
    expect(rig.read(spec)).toBe(Array.from({ length: lines }, (_, at) => `${at + 1} ***\n`).join(""));
  });

  it("while a held command writes more than a pipe takes: it waits and is drained by adoption", async () => {
    const client = await rig.client();
    const lines = 20_000;
    const script = `${note("began")}; ${waitForGate()}; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "number $i"; done; ${note("done")}; exit 3`;
    const spec = rig.spec(script, { held: true });
    client.run(spec);
    await until("the command began", ledgerHas("began"));
    await killSupervisor(client);
    openGate();
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 3, drained: true });
    expect(rig.read(spec)).toBe(Array.from({ length: lines }, (_, at) => `number ${at + 1}\n`).join(""));
    expect(textOf(ledger)).toBe("began\ndone\n");
  });

  it("at any of 12 moments of a held command that writes: no line is torn or doubled, no secret appears", async () => {
    for (let round = 0; round < 12; round++) {
      const client = await rig.client();
      const stop = `${gate}-${round}`;
      const script = `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo "$i ${SECRET} end"; done; echo ${round}:$i >> ${ledger}; exit 6`;
      const spec = rig.spec(script, { held: true });
      const { exit } = client.run(spec);
      const moment = (round * 7919) % 40_000;
      await until("some output arrived", () => textOf(spec.stdoutFile).length > moment);
      await killSupervisor(client);
      const kept = textOf(spec.stdoutFile);
      writeFileSync(stop, "");
      await expect(exit).rejects.toThrow("outcome of its command is unknown");
      expect(exited(await rig.adopt(spec))).toMatchObject({ code: 6, outputGap: "possible" });
      // The ledger has one line for this command, which says how much it wrote.
      const [last, ...more] = [...textOf(ledger).matchAll(new RegExp(`^${round}:(\\d+)$`, "gm"))].map((m) =>
        Number(m[1]),
      );
      expect(more).toEqual([]);
      const text = rig.read(spec);
      expect(text).not.toContain(SECRET.slice(-8));
      const numbers = [...text.matchAll(/^(\d+) \*\*\* end$/gm)].map(([, number]) => Number(number));
      expect(numbers).toEqual([...new Set(numbers)].sort((one, two) => one - two));
      expect(numbers.at(-1)).toBe(last);
      // The note stands where the output of the dead process ends, if any came after it.
      const note = "\n[runbook: output may be missing here]\n";
      expect(text.startsWith(text === kept ? kept : kept + note)).toBe(true);
      expect(text.split(note).length).toBe(text === kept ? 1 : 2);
      // What the dead process had read and not yet written is lost: at most one read.
      expect(last! - numbers.length).toBeLessThan(65_536 / SECRET.length);
    }
  });

  it("in the middle of a held command that never ends: adoption enforces the timeout", async () => {
    const client = await rig.client();
    const spec = rig.spec(`trap '' TERM; ${note("began")}; while :; do sleep 0.05; done`, {
      held: true,
      timeoutMs: 900,
      graceMs: 100,
    });
    client.run(spec);
    await until("the command began", ledgerHas("began"));
    await killSupervisor(client);
    expect(exited(await rig.adopt(spec))).toMatchObject({
      cause: "timeout",
      code: null,
      signal: "SIGKILL",
      survivors: [],
    });
    expect(sweepMarker(rig.runId, spec.attemptId)).toEqual([]);
  });

  it("in the middle of a bare command: lost at once, and a sweep ends the orphan", async () => {
    const client = await rig.client();
    const spec = rig.spec(`${note("began")}; sleep 300`);
    const { exit } = client.run(spec);
    await until("the command began", ledgerHas("began"));
    await killSupervisor(client);
    const error = await exit.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SupervisorLost);
    expect(error).toMatchObject({ reason: "lost", attemptId: spec.attemptId });
    const adoption = await rig.adopt(spec);
    expect(adoption.kind).toBe("alive");
    expect(adoption.kind === "alive" && adoption.pids.length).toBeGreaterThanOrEqual(1);
    expect(await endMarked(rig.runId, spec.attemptId, 2_000)).toEqual([]);
    expect(await rig.adopt(spec)).toEqual({ kind: "gone" });
  });

  it("and the executor lives: a new supervisor serves the next command, and shares nothing with the old one", async () => {
    const client = await rig.client();
    const held = rig.spec(`${note("began")}; ${waitForGate()}; echo late; exit 2`, { held: true });
    const first = client.run(held);
    await until("the command began", ledgerHas("began"));
    const before = client.identity()!;
    await killSupervisor(client);
    await expect(first.exit).rejects.toThrow(SupervisorLost);
    const next = client.run(rig.spec("echo next"));
    openGate();
    const exit = await next.exit;
    expect(rig.read(exit)).toBe("next\n");
    expect(client.identity()!.pid).not.toBe(before.pid);
    await client.close();
    expect(exited(await rig.adopt(held))).toMatchObject({ code: 2 });
    expect(rig.read(held)).toBe("late\n");
  });

  it("together with the executor: the held command is adopted", async () => {
    const spec = rig.spec(`${note("began")}; ${waitForGate()}; echo out; ${note("done")}; exit 8`, { held: true });
    const executor = rig.executor([spec]);
    const supervisor = await supervisorOf(executor);
    await until("the command began", ledgerHas("began"));
    executor.kill("SIGKILL");
    process.kill(supervisor.pid, "SIGKILL");
    // What it reads before it is dead is lost with it.
    await until("the supervisor is dead", () => !isAlive(supervisor));
    openGate();
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 8 });
    expect(rig.read(spec)).toBe("out\n");
  });

  it("and stays a zombie, because its parent is stopped: the holder still waits to be adopted", async () => {
    const spec = rig.spec(`${note("began")}; ${waitForGate()}; echo late; exit 3`, { held: true });
    const executor = rig.executor([spec]);
    const supervisor = await supervisorOf(executor);
    await until("the command began", ledgerHas("began"));
    executor.kill("SIGSTOP");
    process.kill(supervisor.pid, "SIGKILL");
    await until("the supervisor is a zombie", () => processState(supervisor.pid)?.isZombie === true);
    openGate();
    await until("the code is filed", () => textOf(join(rig.runtimeDir, "codes")) === `${spec.attemptId} 3\n`);
    expect(processState(supervisor.pid)?.isZombie).toBe(true);
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 3 });
    expect(rig.read(spec)).toBe("late\n");
  });

  it("by TERM: it aborts what runs, records it and leaves", async () => {
    const client = await rig.client();
    const handle = client.run(rig.spec(`${note("began")}; sleep 300`));
    await until("the command began", ledgerHas("began"));
    const identity = client.identity()!;
    process.kill(identity.pid, "SIGINT");
    process.kill(identity.pid, "SIGHUP");
    process.kill(identity.pid, "SIGTERM");
    expect(await handle.exit).toMatchObject({ cause: "abort", signal: "SIGTERM", survivors: [] });
    await until("the supervisor left", () => !isAlive(identity));
  });
});

describe("a second reader", () => {
  it("of all that is in the run directory steals nothing: FIFOs never lie there", async () => {
    const client = await rig.client();
    const spec = rig.spec(`${note("began")}; ${waitForGate()}; seq 1 20000; echo end >&2`);
    const { exit } = client.run(spec);
    await until("the command began", ledgerHas("began"));
    const fifos = readdirSync(rig.runtimeDir).filter((name) => name.startsWith("fifo-"));
    expect(fifos.length).toBeGreaterThan(0);
    // Of a FIFO it would never come back.
    const reader = spawn("grep", ["-r", "", rig.runDir], { stdio: "ignore", timeout: 20_000 });
    openGate();
    expect((await once(reader, "exit"))[1]).toBe(null);
    await exit;
    expect(rig.read(spec)).toBe(Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(""));
    expect(rig.read(spec, "err")).toBe("end\n");
  });
});

describe("adoption", () => {
  it("knows nothing of an attempt that never began", async () => {
    expect(await rig.adopt(rig.spec("true"))).toEqual({ kind: "gone" });
    await expect(rig.adopt({ ...rig.spec("true"), attemptId: "../1" })).rejects.toThrow("not an attempt id");
  });

  it("does not take a torn line of the log for an exit", async () => {
    const spec = rig.spec("true");
    writeFileSync(join(rig.runDir, "exits.ndjson"), `{"attemptId":"${spec.attemptId}","code":0`);
    expect(await rig.adopt(spec)).toEqual({ kind: "gone" });
    const exit = await rig.run("exit 6");
    expect(exited(await rig.adopt(exit as never))).toMatchObject({ code: 6 });
    expect(readFileSync(join(rig.runDir, "exits.ndjson"), "utf8").split("\n").length).toBe(3);
  });

  it("masks the rest of a secret whose beginning died with the supervisor", async () => {
    const client = await rig.client();
    const script = `printf '%s' "x ${SECRET.slice(0, 12)}"; ${note("began")}; ${waitForGate()}; printf '%s\\n' "${SECRET.slice(12)} y"`;
    const spec = rig.spec(script, { held: true });
    client.run(spec);
    await until("the first half was read", () => ledgerHas("began")() && textOf(spec.stdoutFile) === "x ");
    await killSupervisor(client);
    openGate();
    expect(exited(await rig.adopt(spec))).toMatchObject({ code: 0, outputGap: "possible" });
    expect(rig.read(spec)).toBe("x \n[runbook: output may be missing here]\n*** y\n");
  });
});

describe("descriptors that the executor inherited", () => {
  it("reach no command", async () => {
    const fd = openSync(process.execPath, "r");
    const spec = rig.spec(["/bin/ls", "/proc/self/fd"]);
    const executor = rig.executor([spec], fd);
    closeSync(fd);
    const supervisor = await supervisorOf(executor);
    expect(readdirSync(`/proc/${executor.pid}/fd`)).toContain("60");
    expect(readdirSync(`/proc/${supervisor.pid}/fd`)).not.toContain("60");
    await until("the command ended", () => textOf(join(rig.runDir, "exits.ndjson")).includes("\n"));
    expect(rig.read(spec).trim().split("\n")).toEqual(["0", "1", "2", "3"]);
  });
});

describe("no zombie, no leftover", () => {
  it("remains after close", async () => {
    const client = await rig.client();
    await client.start();
    const identity = client.identity()!;
    await client.run(rig.spec("true", { held: true })).exit;
    await client.close();
    expect(identityOf(identity.pid)).toBe(null);
    expect(readdirSync(rig.runtimeDir)).toEqual(["codes", "held.ndjson"]);
    removeRuntimeDir(rig.runtimeDir);
    expect(existsSync(rig.runtimeDir)).toBe(false);
    expect(() => client.run(rig.spec("true"))).toThrow("closed");
  });
});
