/** `ssh` with the real client and a real server: what arrives there, and every way in which it does not. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ssh } from "../../src/steps/ssh.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { makeFifo } from "../rig/fifo.ts";
import { freePort } from "../rig/postgres.ts";
import { describeWithSshd, SshdRig } from "../rig/sshd.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";
import { until } from "../rig/until.ts";

describeWithSshd("ssh", () => {
  let server: SshdRig;
  beforeAll(async () => {
    server = await SshdRig.start();
    writeFileSync(join(server.dir, "known_hosts"), server.knownHosts());
    writeFileSync(join(server.dir, "wrong_hosts"), server.knownHosts("other-host"));
    writeFileSync(join(server.dir, "no_hosts"), "");
  });
  afterAll(() => server?.end());

  const host = () =>
    rigHost({
      environment: { PATH: process.env["PATH"] ?? "", HOME: server.dir },
      workDir: server.dir,
      sealedDir: server.dir,
    });
  const spec = (command: readonly unknown[], more: object = {}) => ({
    host: "127.0.0.1",
    port: server.port,
    user: server.user,
    identityFile: "user",
    knownHosts: "known_hosts",
    command,
    ...more,
  });

  test("a command's output, and nothing of what ssh notes about itself", async () => {
    const command = ["sh", "-c", `printf '{"ok":true}'; echo seen >&2`];
    expect(await runStep(ssh, spec(command), host())).toMatchObject({
      exitCode: 0,
      signal: null,
      stdout: '{"ok":true}',
      stderr: "seen\n",
      json: { ok: true },
    });
  });

  test("words arrive as they stand", async () => {
    const words = [
      "plain",
      "",
      " two  blanks ",
      "it's; $(touch stolen) `touch stolen` $HOME & | > stolen",
      '"double" \\ back\\\\slash',
      "line\nbreak\ttab",
      "*",
      "-n",
      "~root",
      "!history",
      "ümlaut ☃",
      "%h %u",
    ];
    const { stdout } = await runStep(ssh, spec(["printf", "[%s]", ...words, 7, true]), host());
    expect(stdout).toBe([...words, "7", "true"].map((word) => `[${word}]`).join(""));
    expect(existsSync(join(server.dir, "stolen"))).toBe(false);
  });

  test("standard input arrives", async () => {
    const given = host();
    const withInput = {
      ...given,
      command: (argv: Parameters<typeof given.command>[0]) => given.command(argv, { stdin: "a\nb\n" }),
    };
    expect((await runStep(ssh, spec(["cat"]), withInput)).lines).toEqual(["a", "b"]);
  });

  test("neither the agent nor the environment goes along", async () => {
    const given = rigHost({
      environment: {
        PATH: process.env["PATH"] ?? "",
        SSH_AUTH_SOCK: join(server.dir, "agent"),
        LC_SECRET: "not for there",
      },
      workDir: server.dir,
      sealedDir: server.dir,
    });
    const { stdout } = await runStep(ssh, spec(["env"]), given);
    expect(stdout).not.toMatch(/SSH_AUTH_SOCK|LC_SECRET/);
  });

  test("a word with NUL is refused before anything is started", async () => {
    const given = host();
    expect(await failureOf(ssh, spec(["echo", "a\0b"]), given)).toMatchObject({
      class: "fatal",
      reason: "word-invalid",
    });
    expect(given.calls).toEqual([]);
  });

  describe("the remote command", () => {
    test.each([1, 3, 127, 255])("that ends with %i is told with its code and its words", async (code) => {
      const failure = await failureOf(ssh, spec(["sh", "-c", `echo why it failed >&2; exit ${code}`]), host());
      expect(failure).toMatchObject({ class: "failed", reason: "exit-code", facts: { exitCode: code } });
      expect(failure.message).toContain("why it failed");
    });

    test("that does not exist is no connection problem", async () => {
      const failure = await failureOf(ssh, spec(["no-such-program-here"]), host());
      expect(failure).toMatchObject({ class: "failed", reason: "exit-code", facts: { exitCode: 127 } });
    });

    test.each(["KILL", "TERM"])("that SIG%s ended is told as that", async (signal) => {
      const failure = await failureOf(ssh, spec(["sh", "-c", `kill -${signal} $$`]), host());
      expect(failure).toMatchObject({ class: "failed", reason: "signal", facts: { signal: `SIG${signal}` } });
    });

    test("whose connection breaks may run on there, and that is said", async () => {
      const marker = join(server.dir, "began");
      makeFifo(join(server.dir, "never"));
      const failing = failureOf(
        ssh,
        spec(["sh", "-c", `echo > '${marker}'; read -r _ < '${server.dir}/never'`]),
        host(),
      );
      await until("the command began", () => existsSync(marker));
      await server.dropSessions();
      const failure = await failing;
      expect(failure).toMatchObject({ class: "transient", reason: "session-lost" });
      expect(failure.message).toContain("it may run on there");
    });
  });

  describe("no session", () => {
    test.each([
      ["another host key than the known one", { knownHosts: "wrong_hosts" }, "fatal", "host-key-changed"],
      ["a host that is not known", { knownHosts: "no_hosts" }, "fatal", "host-key-unknown"],
      ["a key that is not accepted", { identityFile: "stranger" }, "failed", "not-authorised"],
      ["a key that is not there", { identityFile: "nowhere/key" }, "failed", "not-authorised"],
      ["a user who is not there", { user: "nobody-of-that-name" }, "failed", "not-authorised"],
      ["a name that does not exist", { host: "shop.invalid" }, "transient", "name-not-found"],
    ])("%s", async (_, more, failureClass, reason) => {
      const failure = await failureOf(ssh, spec(["touch", join(server.dir, "done")], more), host());
      expect(failure, failure.message).toMatchObject({ class: failureClass, reason });
      expect(existsSync(join(server.dir, "done"))).toBe(false);
    });

    test("a configuration of the user that would accept any host key counts for nothing", async () => {
      const home = join(server.dir, "config");
      writeFileSync(home, "Host *\n  StrictHostKeyChecking no\n  ForwardAgent yes\n");
      // ssh reads the real home of the account, so the file is given as an option would be: what comes first wins.
      const given = host();
      const lax = {
        ...given,
        command: ([program, ...words]: Parameters<typeof given.command>[0]) =>
          given.command([program, ...words.slice(0, -3), "-F", home, ...words.slice(-3)]),
      };
      expect(await failureOf(ssh, spec(["true"], { knownHosts: "no_hosts" }), lax)).toMatchObject({
        reason: "host-key-unknown",
      });
      expect(readFileSync(join(server.dir, "no_hosts"), "utf8")).toBe("");
    });

    test("nobody listens", async () => {
      const failure = await failureOf(ssh, spec(["true"], { port: await freePort() }), host());
      expect(failure).toMatchObject({ class: "transient", reason: "connection-refused" });
    });

    test("somebody listens and says nothing", async () => {
      const sockets = new Set<Socket>();
      const silent = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1");
      await new Promise((done) => silent.once("listening", done));
      const { port } = silent.address() as { port: number };
      try {
        const failure = await failureOf(ssh, spec(["true"], { port, connectTimeout: "1s" }), host());
        expect(failure).toMatchObject({ class: "transient", reason: "connection-timed-out" });
      } finally {
        for (const socket of sockets) socket.destroy();
        silent.close();
      }
    });

    test("something else than ssh answers", async () => {
      const other = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1");
      await new Promise((done) => other.once("listening", done));
      const { port } = other.address() as { port: number };
      try {
        const failure = await failureOf(ssh, spec(["true"], { port }), host());
        expect(failure).toMatchObject({ class: "transient", reason: "connection-lost" });
      } finally {
        other.close();
      }
    });
  });

  test("in a run: the known hosts are sealed, and what they say later changes nothing", async () => {
    const rig = new CliRig();
    try {
      rig.write("runbook.config.yaml", "apiVersion: runbook/v1\ntargets: { here: {} }\n");
      rig.write("runbooks/ssh/known_hosts", server.knownHosts());
      rig.runbook("uptime", {
        inputs: { key: { type: "string", required: true } },
        steps: [
          {
            id: "ask",
            title: "Ask the other machine",
            uses: "ssh",
            effects: "read",
            with: {
              host: "127.0.0.1",
              port: server.port,
              user: server.user,
              knownHosts: "ssh/known_hosts",
              identityFile: "${{ inputs.key }}",
              command: ["printf", "%s", "${{ run.id }}'s"],
            },
            verify: [`result.stdout == run.id + "'s"`],
          },
        ],
      });
      const key = ["-i", `key=${server.key("user")}`];
      const first = await rig.json(["run", "uptime", ...key]);
      expect(first.code, JSON.stringify(first.document.steps, null, 1)).toBe(0);
      expect(rig.file(first.document.run, "files/ssh/known_hosts")).toBe(server.knownHosts());
      rig.write("runbooks/ssh/known_hosts", server.knownHosts("other-host"));
      const second = await rig.json(["run", "uptime", ...key]);
      expect(second.document.steps[0]?.failure).toMatchObject({ class: "fatal", reason: "host-key-changed" });
    } finally {
      await rig.end();
    }
  });
});
