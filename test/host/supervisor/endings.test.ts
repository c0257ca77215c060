import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SupervisorClient } from "../../../src/host/supervisor/client.ts";
import { isAlive, processState } from "../../../src/host/supervisor/process-identity.ts";
import { sweepMarker } from "../../../src/host/supervisor/process-sweep.ts";
import { createRig, type Rig, textOf, until } from "./rig.ts";

let rig: Rig;
let client: SupervisorClient;
let ledger: string;
let count = 0;
beforeAll(async () => {
  rig = await createRig();
  client = await rig.client();
});
beforeEach(() => {
  ledger = join(rig.dir, `ledger-${++count}`);
});
afterAll(() => rig.dispose());

const began = async (lines = 1): Promise<void> =>
  until(`${lines} ledger lines`, () => textOf(ledger).split("\n").length > lines);

for (const held of [false, true]) {
  describe(held ? "a held command" : "a bare command", () => {
    it("is ended by TERM at its timeout", async () => {
      const exit = await rig.run("sleep 300", { held, timeoutMs: 150 });
      expect(exit).toMatchObject({ cause: "timeout", survivors: [], drained: true });
      expect(held ? exit.code : exit.signal).toBe(held ? 143 : "SIGTERM");
      expect(exit.durationMs).toBeGreaterThanOrEqual(149);
    });

    it("may clean up after TERM, and its own exit code counts", async () => {
      const script = `trap 'echo cleaned; exit 3' TERM; echo up > ${ledger}; while :; do sleep 0.02; done`;
      const handle = client.run(rig.spec(script, { held }));
      await began();
      handle.abort();
      const exit = await handle.exit;
      expect(exit).toMatchObject({ cause: "abort", code: 3, signal: null, survivors: [] });
      expect(rig.read(exit)).toBe("cleaned\n");
    });

    it("that ignores TERM is killed after the grace", async () => {
      const handle = client.run(rig.spec(`trap '' TERM; echo up > ${ledger}; while :; do sleep 0.02; done`, { held }));
      await began();
      handle.abort(200);
      expect(await handle.exit).toMatchObject({ cause: "abort", code: null, signal: "SIGKILL", survivors: [] });
    });

    it("is killed sooner when a second abort has a shorter grace", async () => {
      const handle = client.run(rig.spec(`trap '' TERM; echo up > ${ledger}; while :; do sleep 0.02; done`, { held }));
      await began();
      handle.abort(600_000);
      handle.abort(0);
      expect(await handle.exit).toMatchObject({ cause: "abort", signal: "SIGKILL" });
    });

    it("takes its whole tree along: deep children, TERM ignored, setsid, double fork", async () => {
      const loop = "while :; do sleep 0.05; done";
      const up = `echo up >> ${ledger}`;
      const script = [
        `sh -c "sh -c 'sh -c \\"${up}; ${loop}\\" & ${up}; ${loop}' & ${up}; ${loop}" &`,
        `sh -c "trap '' TERM; ${up}; ${loop}" &`,
        `setsid sh -c "trap '' TERM; ${up}; ${loop}" &`,
        `(setsid sh -c "(${up}; ${loop}) &" &)`,
        `${up}; ${loop}`,
      ].join("\n");
      const spec = rig.spec(script, { held, graceMs: 300 });
      const handle = client.run(spec);
      await began(7);
      const tree = sweepMarker(rig.runId, spec.attemptId);
      expect(tree.length).toBeGreaterThanOrEqual(7);
      expect(new Set(tree.map(({ sessionId }) => sessionId)).size).toBe(3);
      handle.abort();
      const exit = await handle.exit;
      expect(exit).toMatchObject({ cause: "abort", survivors: [] });
      expect(sweepMarker(rig.runId, spec.attemptId)).toEqual([]);
      for (const { pid, startTime } of tree) {
        const now = processState(pid);
        expect(now === null || now.isZombie || now.startTime !== startTime, `process ${pid} is gone`).toBe(true);
      }
    });

    it("has on record what a process of it writes when it is gone itself", async () => {
      const exit = await rig.run("(while kill -0 $$ 2>/dev/null; do :; done; echo late) & echo ok", { held });
      expect(exit).toMatchObject({ code: 0, drained: true, survivors: [], out: "ok\nlate\n" });
    });

    it("has ended although a process in the background holds its output", async () => {
      const gate = `${ledger}-gate`;
      const waitFor = (path: string): string => `while [ ! -e ${path} ]; do sleep 0.02; done`;
      const exit = await rig.run(`(${waitFor(`${gate}-1`)}; echo intruder) & echo ok`, { held });
      expect(exit).toMatchObject({ code: 0, cause: "exit", drained: false, out: "ok\n" });
      expect(exit.survivors.length).toBeGreaterThanOrEqual(1);
      expect(exit.durationMs).toBeLessThan(5_000);
      // Its FIFO must not serve another command: the straggler would write into that one's output.
      const late = Array.from({ length: 12 }, (_, at) =>
        rig.run(`echo up >> ${ledger}; ${waitFor(`${gate}-2`)}; echo ${at}`, { held }),
      );
      await began(12);
      writeFileSync(`${gate}-1`, "");
      await until("the straggler left", () => sweepMarker(rig.runId, exit.attemptId).length === 0);
      writeFileSync(`${gate}-2`, "");
      for (const [at, each] of (await Promise.all(late)).entries()) {
        expect(each).toMatchObject({ code: 0, drained: true, out: `${at}\n`, err: "" });
      }
    });

    it("has ended although what it left behind writes without end", async () => {
      const exit = await rig.run("yes & echo ok", { held, headBytes: 4096, tailBytes: 4096 });
      expect(exit).toMatchObject({ code: 0, cause: "exit", drained: false });
      expect(exit.durationMs).toBeLessThan(5_000);
      // Nobody reads any more.
      await until("it is gone", () => sweepMarker(rig.runId, exit.attemptId).length === 0);
    });

    it("may close its output long before it ends, or at once", async () => {
      const early = await rig.run("echo ok; exec >&- 2>&-; sleep 0.1", { held });
      expect(early).toMatchObject({ code: 0, drained: true, out: "ok\n" });
      const empty = await rig.run("exec >&- 2>&-; sleep 0.1", { held });
      expect(empty).toMatchObject({ code: 0, drained: true, out: "" });
    });

    it("has all its output kept, also more than its pipe holds at once", async () => {
      const exit = await rig.run("head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2", { held });
      expect(exit).toMatchObject({ code: 0, drained: true, stdout: { bytes: 300_000 }, stderr: { bytes: 200_000 } });
      expect([exit.out.length, exit.err.length]).toEqual([300_000, 200_000]);
    });

    it("is aborted before it began", async () => {
      const handle = client.run(rig.spec("sleep 300", { held }));
      handle.abort(0);
      expect(await handle.exit).toMatchObject({ cause: "abort", survivors: [] });
    });

    it("may have a timeout longer than a timer can be set for", async () => {
      expect(await rig.run("exit 4", { held, timeoutMs: 2 ** 40 })).toMatchObject({ code: 4, cause: "exit" });
    });
  });
}

describe("a supervisor that was stopped for a while", () => {
  it("records a command after the last of its output, when it finds both at once", async () => {
    const gate = `${ledger}-gate`;
    const script = `while [ ! -e ${gate} ]; do sleep 0.02; done; echo "$$" > ${ledger}; head -c 60000 /dev/zero; exit 4`;
    const handle = client.run(rig.spec(script));
    const pid = await handle.pid;
    const supervisor = client.identity()!;
    process.kill(supervisor.pid, "SIGSTOP");
    writeFileSync(gate, "");
    await until("the command has ended unseen", () => processState(pid)?.isZombie === true);
    process.kill(supervisor.pid, "SIGCONT");
    expect(await handle.exit).toMatchObject({ code: 4, drained: true, stdout: { bytes: 60_000 } });
  });
});

describe("a process that cleared its environment", () => {
  it("is found as a member of the session", async () => {
    const script = `env -i /bin/sh -c 'trap "" TERM; echo up >> ${ledger}; while :; do /bin/sleep 0.05; done' & echo up >> ${ledger}; exec sleep 300`;
    const handle = client.run(rig.spec(script, { graceMs: 200 }));
    const pid = await handle.pid;
    await began(2);
    handle.abort();
    expect(await handle.exit).toMatchObject({ cause: "abort", survivors: [] });
    expect(sweepMarker(rig.runId, "0", pid)).toEqual([]);
  });
});

describe("sweepMarker", () => {
  it("tells attempts apart whose numbers begin alike", async () => {
    const handle = client.run(rig.spec(`echo up > ${ledger}; exec sleep 300`));
    const pid = await handle.pid;
    await began();
    const { attemptId } = rig.spec("true");
    const own = String(Number(attemptId) - 1).padStart(6, "0");
    expect(sweepMarker(rig.runId, own).map((each) => [each.pid, each.startTime])).toEqual([
      [pid, processState(pid)?.startTime],
    ]);
    expect(sweepMarker(rig.runId, own.slice(0, -1))).toEqual([]);
    expect(sweepMarker(`${rig.runId}x`, own)).toEqual([]);
    handle.abort(0);
    await handle.exit;
  });
});

describe("liveness", () => {
  it("is not fooled by a dead child that nobody reaped, nor by another start time", async () => {
    const pidFile = join(rig.dir, "zombie");
    // The shell starts a child and turns into `sleep`, which never waits for it.
    const handle = client.run(rig.spec(`sh -c 'echo $$ > ${pidFile}' & exec sleep 300`));
    const pid = await handle.pid;
    await until("a zombie", () => processState(Number(textOf(pidFile)) || -1)?.isZombie === true);
    const zombie = processState(Number(textOf(pidFile)))!;
    process.kill(zombie.pid, 0);
    const { identityOf } = await import("../../../src/host/supervisor/process-identity.ts");
    expect(identityOf(zombie.pid)).toBe(null);
    const alive = identityOf(pid)!;
    expect(isAlive(alive)).toBe(true);
    expect(isAlive({ ...alive, startTime: alive.startTime + 1 })).toBe(false);
    expect(isAlive({ ...alive, bootId: "other" })).toBe(false);
    expect(isAlive({ ...alive, host: "elsewhere.example" })).toBe(true);
    handle.abort(0);
    await handle.exit;
    expect(isAlive(alive)).toBe(false);
  });
});

describe("a supervisor", () => {
  it("that was called ahead serves first, unless it died meanwhile", async () => {
    const { callSupervisor, startSupervisor } = await import("../../../src/host/supervisor/client.ts");
    const called = callSupervisor(rig.distDir);
    const first = await startSupervisor({ ...rig, called });
    expect(await first.run(rig.spec("true")).exit).toMatchObject({ code: 0 });
    expect(first.identity()?.pid).toBe(called.pid);
    await first.close();
    const second = await startSupervisor({ ...rig, called });
    expect(await second.run(rig.spec("true")).exit).toMatchObject({ code: 0 });
    expect(second.identity()?.pid).not.toBe(called.pid);
    await second.close();
  });

  it("that cannot start is told with its reason", async () => {
    const { startSupervisor } = await import("../../../src/host/supervisor/client.ts");
    const own = await startSupervisor({ ...rig, distDir: join(rig.dir, "no-dist") });
    await expect(own.start()).rejects.toThrow(
      /^The supervisor did not start: exit code 1\. See .*supervisor\.log: Node\.js v/,
    );
    writeFileSync(join(rig.dir, "x"), "");
    await expect(own.run(rig.spec("true")).exit).rejects.toThrow("outcome of its command is unknown");
    await own.close();
  });
});
