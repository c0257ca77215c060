import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkNode } from "../../src/cli/doctor/machine.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { schemaErrors } from "../rig/schema-check.ts";

interface Doctor {
  readonly ok: boolean;
  readonly checks: readonly { check: string; status: string; detail: string; next: string | null }[];
}

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig({ fixture: "ledger" });
});
afterEach(() => rig.end());

async function doctor(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { code, document } = await rig.json<Doctor>(["doctor", ...args], { env });
  expect(schemaErrors("doctor", document)).toEqual([]);
  expect(code).toBe(document.ok ? 0 : 1);
  for (const item of document.checks) if (item.status !== "ok") expect(item.next).toBeTruthy();
  return (check: string) => document.checks.filter((item) => item.check === check);
}

/** A program that only prints a version. */
function program(name: string, version: string): void {
  const file = join(rig.dir, "bin", name);
  mkdirSync(join(rig.dir, "bin"), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho '${name} version ${version}'\n`, { mode: 0o755 });
}
const path = () => ({ PATH: `${join(rig.dir, "bin")}:/usr/bin:/bin` });

function needs(requires: object, secrets: readonly string[]): void {
  rig.runbook("needy", {
    requires,
    secrets,
    env: Object.fromEntries(secrets.map((name) => [name, `\${{ secrets.${name} }}`])),
    steps: [{ id: "look", title: "Look", run: "echo hello", effects: "read" }],
  });
}

describe("the machine", () => {
  test("a healthy one is 0; what is not required only warns", async () => {
    const find = await doctor();
    expect(find("node")[0]?.status).toBe("ok");
    expect(find("state directory")[0]?.detail).toContain("will be created");
    expect(find("approver key")).toHaveLength(2);
    expect(find("approver key")[0]).toMatchObject({ status: "warning", next: "runbook keys new operators@example" });
  });

  test("an old Node is a problem", () => {
    expect(checkNode("20.18.3").status).toBe("problem");
    expect(checkNode("18.20.0").status).toBe("problem");
    expect(checkNode("20.19.0").status).toBe("ok");
    expect(checkNode("22.1.0").status).toBe("ok");
  });

  test("a state directory others may write, or that is a link, is a problem", async () => {
    mkdirSync(rig.stateDir, { recursive: true });
    chmodSync(rig.stateDir, 0o777);
    const [open] = (await doctor())("state directory");
    expect(open).toMatchObject({ status: "problem", detail: expect.stringContaining("may be written by others") });
    const link = join(rig.dir, "link");
    symlinkSync(rig.stateDir, link);
    chmodSync(rig.stateDir, 0o700);
    const [linked] = (await doctor([], { RUNBOOK_STATE_DIR: link }))("state directory");
    expect(linked).toMatchObject({ status: "problem", detail: expect.stringContaining("symbolic link") });
  });

  test("a record from the future shows a clock that went back", async () => {
    const builder = new JournalBuilder("rb-future")
      .start([{ path: "a" }])
      .finish("succeeded", 0)
      .seal();
    mkdirSync(rig.runDir("rb-future"), { recursive: true });
    builder.write(rig.runDir("rb-future"));
    const early = { RUNBOOK_TESTING: "1", RUNBOOK_NOW: "2026-03-01T00:00:00Z" };
    expect((await doctor([], early))("clock")[0]?.status).toBe("problem");
    const late = { RUNBOOK_TESTING: "1", RUNBOOK_NOW: "2026-03-20T00:00:00Z" };
    expect((await doctor([], late))("clock")[0]?.status).toBe("ok");
  });

  test("another runbook on PATH is found", async () => {
    program("runbook", "9.9");
    const [found] = (await doctor([], path()))("PATH");
    expect(found).toMatchObject({ status: "warning", detail: expect.stringContaining("another runbook comes first") });
  });

  test("a broken project file is a problem", async () => {
    rig.write("runbook.config.yaml", "apiVersion: runbook/v1\ntargets: 7\n");
    expect((await doctor())("project")[0]).toMatchObject({ status: "problem", next: "runbook validate" });
  });
});

describe("a runbook", () => {
  test("tools: missing, too old, good; each says where to get it", async () => {
    program("jq", "1.6");
    program("mytool", "2.4.1");
    needs({ jq: ">=1.7", mytool: ">=2", fly: ">=0.3", nowhere: ">=1" }, []);
    const find = await doctor(["needy"], path());
    expect(find("mytool")[0]).toMatchObject({ status: "ok", detail: expect.stringContaining("2.4.1") });
    expect(find("jq")[0]).toMatchObject({ status: "problem", detail: "here: jq is 1.6; >=1.7 is required" });
    expect(find("fly")[0]).toMatchObject({ status: "problem", next: "https://fly.io/docs/flyctl/install/" });
    expect(find("nowhere")[0]).toMatchObject({ status: "problem", next: "install nowhere (>=1 is required)" });
  });

  test("secrets are asked of every provider, `command` too, and never printed", async () => {
    program("vaultlike", "1");
    writeFileSync(
      join(rig.dir, "bin/vaultlike"),
      '#!/bin/sh\n[ "$1" = FROM_COMMAND ] && echo command-value-4711\nexit 0\n',
      { mode: 0o755 },
    );
    rig.write(
      "runbook.config.yaml",
      `apiVersion: runbook/v1\ntargets: { here: {} }\nsecrets:\n  - { type: env, prefix: MY_ }\n  - { type: command, command: ["${join(rig.dir, "bin/vaultlike").replaceAll('"', "")}"] }\n`,
    );
    needs({}, ["FROM_ENV", "FROM_COMMAND", "NOWHERE"]);
    const env = { ...path(), MY_FROM_ENV: "env-value-4711" };
    const find = await doctor(["needy"], env);
    expect(find("secret").map((item) => [item.status, item.detail])).toEqual([
      ["ok", "here: FROM_ENV from env MY_*"],
      ["ok", expect.stringMatching(/^here: FROM_COMMAND from command .*vaultlike$/)],
      ["problem", "here: no provider knows NOWHERE"],
    ]);
    expect(find("secret")[2]?.next).toBe("export MY_NOWHERE=…");
    const ran = await rig.run(["doctor", "needy", "-v"], { env });
    expect(ran.code).toBe(1);
    expect(ran.stdout + ran.stderr).not.toContain("value-4711");
  });

  test("every listed target is looked at, or the one that is named", async () => {
    rig.write(
      "runbook.config.yaml",
      "apiVersion: runbook/v1\ntargets: { here: {}, there: { sandbox: true, app: a } }\n",
    );
    rig.runbook("two", {
      targets: ["here", "there"],
      secrets: ["FLY_API_TOKEN"],
      env: { FLY_API_TOKEN: "${{ secrets.FLY_API_TOKEN }}" },
      steps: [{ id: "look", title: "Look", run: "echo hello", effects: "read" }],
    });
    const both = await doctor(["two"]);
    expect(both("secret").map((item) => item.detail)).toEqual([
      "here: no provider knows FLY_API_TOKEN",
      "there: FLY_API_TOKEN from sandbox",
    ]);
    const one = await rig.json<Doctor>(["doctor", "two", "-t", "there"]);
    expect(one.code).toBe(0);
    expect((await rig.run(["doctor", "two", "-t", "ther"])).stderr).toContain('Did you mean "there"?');
  });
});
