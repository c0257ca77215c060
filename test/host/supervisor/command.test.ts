import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandHandle } from "../../../src/host/supervisor/client.ts";
import { createRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await createRig([{ name: "TOKEN", value: "sekret-value-1" }]);
});
afterAll(() => rig.dispose());

for (const held of [false, true]) {
  describe(held ? "a held command" : "a bare command", () => {
    const run = (argv: Parameters<Rig["run"]>[0], more = {}) => rig.run(argv, { held, ...more });

    for (const [script, code, signal] of [
      ["exit 0", 0, null],
      ["exit 7", 7, null],
      ["kill -TERM $$", 143, "SIGTERM"],
      ["kill -KILL $$", 137, "SIGKILL"],
      ["kill -SEGV $$", 139, "SIGSEGV"],
    ] as const) {
      it(`tells the status of: ${script}`, async () => {
        const exit = await run(script);
        expect(exit).toMatchObject({ cause: "exit", error: null, drained: true, survivors: [], outputGap: "none" });
        // The shell's number cannot tell a signal from an exit code; the bare command's status is exact.
        if (held || signal === null) expect(exit).toMatchObject({ code, signal: null });
        else expect(exit).toMatchObject({ code: null, signal });
      });
    }

    it("names a program that does not exist", async () => {
      const exit = await run(["no-such-program", "x"]);
      expect(exit).toMatchObject({ cause: "spawn-error", code: null, signal: null, error: { code: "ENOENT" } });
      expect(exit.error!.message).toContain('"no-such-program"');
    });

    it("names a working directory that does not exist, and not the program", async () => {
      const exit = await run(["true"], { cwd: join(rig.dir, "missing") });
      expect(exit.error).toMatchObject({ code: "ENOTDIR" });
      expect(exit.error!.message).toContain(`working directory ${join(rig.dir, "missing")}`);
    });

    it("tells that a file is not executable", async () => {
      const file = join(rig.dir, `plain-${held}`);
      writeFileSync(file, "#!/bin/sh\n");
      chmodSync(file, 0o644);
      expect((await run([file])).error).toMatchObject({ code: "EACCES", message: expect.stringContaining(file) });
    });

    it("masks a secret in the message of a spawn error", async () => {
      const exit = await run(["sekret-value-1"]);
      expect(exit.error!.message).toContain('"***"');
      expect(JSON.stringify(exit)).not.toContain("sekret");
    });

    it("tells that there are too many arguments", async () => {
      const exit = await run(["true", ...Array.from({ length: 40 }, () => "x".repeat(100_000))]);
      expect(exit).toMatchObject({ cause: "spawn-error", error: { code: "E2BIG" } });
    });

    it("lets the command open /dev/stdout and /dev/stderr again", async () => {
      const exit = await run("echo one > /dev/stderr; echo two > /dev/stdout; echo three >&2");
      expect(exit).toMatchObject({ code: 0, out: "two\n", err: "one\nthree\n" });
    });

    it("gives /dev/null as standard input", async () => {
      expect((await run("readlink /proc/self/fd/0; cat; echo end")).out).toBe("/dev/null\nend\n");
    });

    it("passes text to standard input, more than a pipe takes, by no file", async () => {
      const text = `sekret-value-1 ${"0123456789".repeat(50_000)}`;
      const exit = await run("sleep 0; wc -c; test -p /dev/stdin && echo fifo", { stdin: text });
      expect(exit.out).toBe(`${text.length}\nfifo\n`);
      expect((await run("cat < /dev/stdin", { stdin: "again" })).out).toBe("again");
    });

    it("does not mind a command that reads no standard input", async () => {
      expect(await run("exit 3", { stdin: "x".repeat(300_000) })).toMatchObject({ code: 3, cause: "exit" });
    });

    it("gives the listed environment and the marker, nothing else", async () => {
      const env = { PATH: "/usr/bin:/bin", EMPTY: "", ODD: "a b\nc'd", __rb: "1" };
      const exit = await run(["/usr/bin/env", "-0"], { env });
      const marker = `RUNBOOK_ATTEMPT=${rig.runId}/${exit.attemptId}`;
      const expected = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), marker];
      expect(exit.out.split("\0").filter(Boolean).sort()).toEqual(expected.sort());
    });

    it("keeps a given PWD and runs in the working directory", async () => {
      const exit = await run("pwd; env | grep ^PWD", { cwd: "/usr", env: { PATH: "/usr/bin:/bin", PWD: "/usr" } });
      expect(exit.out).toBe("/usr\nPWD=/usr\n");
    });

    it("leaves no descriptor but the three standard ones", async () => {
      expect((await run(["/bin/ls", "/proc/self/fd"])).out.trim().split("\n")).toEqual(["0", "1", "2", "3"]);
    });

    it("leads a session of its own, with default signals and no core files", async () => {
      const exit = await run("ps -o sid= -p $$; grep -E 'SigIgn|SigBlk' /proc/self/status; ulimit -c; umask");
      const [session, ignored, blocked, core, mask] = exit.out.replaceAll("\t", " ").trim().split("\n");
      const supervisorSession = execFileSync("ps", ["-o", "sid=", "-p", String(process.pid)], { encoding: "utf8" });
      expect(session!.trim()).not.toBe(supervisorSession.trim());
      expect([ignored, blocked].join(" ")).toMatch(/^Sig\w+: 0{16} Sig\w+: 0{16}$/);
      expect([core, mask]).toEqual(["0", "0077"]);
    });

    it("never reads a value as shell text, nor a name as a shell builtin", async () => {
      const values = ["$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "-n", ""] as const;
      expect((await run(["printf", "[%s]", ...values])).out).toBe(values.map((value) => `[${value}]`).join(""));
      expect((await run(["eval", "touch pwned"])).error).toMatchObject({ code: "ENOENT" });
      expect(readdirSync(rig.dir)).not.toContain("pwned");
    });

    it("writes its output to new files of mode 0600 only", async () => {
      const exit = await run("echo x");
      expect(statSync(join(rig.runDir, `${exit.attemptId}.out`)).mode & 0o777).toBe(0o600);
      const taken = join(rig.dir, `taken-${held}`);
      writeFileSync(taken, "precious");
      const ledger = join(rig.dir, `ledger-${held}`);
      const refused = await (await rig.client()).run(rig.spec(`touch ${ledger}`, { held, stdoutFile: taken })).exit;
      expect(refused).toMatchObject({ cause: "spawn-error", error: { code: "EEXIST" } });
      expect(() => openSync(ledger, "r")).toThrow("ENOENT");
    });

    it("refuses an attempt id that could name another file", async () => {
      const client = await rig.client();
      const spec = rig.spec("true", { held });
      expect(await client.run({ ...spec, attemptId: "../x" }).exit).toMatchObject({
        cause: "spawn-error",
        error: { code: "EINVAL" },
      });
    });

    it("hands out the process id", async () => {
      const client = await rig.client();
      const handle = client.run(rig.spec("echo $$; ps -o ppid= -p $$", { held }));
      const pid = await handle.pid;
      const exit = await handle.exit;
      const [own, parent] = rig.read(exit).trim().split(/\s+/).map(Number);
      expect(pid).toBe(held ? parent : own);
    });

    it("hands out masked output while the command runs", async () => {
      const client = await rig.client();
      const gate = join(rig.dir, `gate-${held}`);
      execFileSync("mkfifo", [gate]);
      const spec = rig.spec(`echo first sekret-value-1; read x < ${gate}; echo second`, { held });
      const seen: string[] = [];
      const handle = await new Promise<CommandHandle>((resolve) => {
        const started = client.run(spec, (stream, masked) => {
          seen.push(`${stream}: ${masked}`);
          resolve(started);
        });
      });
      expect(seen.join("")).toBe("stdout: first ***\n");
      writeFileSync(gate, "go\n");
      await handle.exit;
      expect(seen.join("")).toBe("stdout: first ***\nstdout: second\n");
    });
  });
}

describe("names that the holder's shell cannot pass on", () => {
  it("are refused for a held command and passed to a bare one", async () => {
    const env = { PATH: "/usr/bin:/bin", "a.b": "1" };
    expect((await rig.run(["true"], { env, held: true })).error).toMatchObject({ code: "EINVAL" });
    expect((await rig.run(["env"], { env })).out).toContain("a.b=1");
  });
});

describe("a step named like a file of the machinery", () => {
  it("cannot meet one, because no step id becomes a name", async () => {
    const odd = join(rig.runDir, "exits.ndjson.out");
    const exit = await (await rig.client()).run(rig.spec("echo fine", { stdoutFile: odd, held: true })).exit;
    expect(exit.code).toBe(0);
    mkdirSync(join(rig.dir, "fifo-1-0"));
    expect((await rig.run("echo ok", { cwd: join(rig.dir, "fifo-1-0") })).out).toBe("ok\n");
  });
});
