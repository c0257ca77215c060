import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SupervisorClient } from "../../../src/host/supervisor/client.ts";
import { createRig, type Rig, textOf, until } from "./rig.ts";

let rig: Rig;
let client: SupervisorClient;
beforeAll(async () => {
  rig = await createRig();
  client = await rig.client();
});
afterAll(() => rig.dispose());

const supervisorPid = () => client.identity()!.pid;
const descriptors = (): number => readdirSync(`/proc/${supervisorPid()}/fd`).length;
const zombies = (): readonly string[] =>
  readdirSync("/proc").filter((name) => {
    const stat = /^\d+$/.test(name) ? textOf(`/proc/${name}/stat`) : "";
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" && Number(parent) === supervisorPid();
  });

it("runs 200 commands one after the other and keeps no descriptor, zombie, FIFO or file of them", async () => {
  const run = async (at: number) => {
    const held = at % 4 === 0;
    const stdin = at % 5 === 0 ? "text" : null;
    const argv = at % 7 === 0 ? (["no-such-program"] as const) : `exit ${at % 3}`;
    const exit = await client.run(rig.spec(argv, { held, stdin })).exit;
    expect(exit).toMatchObject(at % 7 === 0 ? { cause: "spawn-error" } : { cause: "exit", code: at % 3 });
  };
  for (let at = 0; at < 20; at++) await run(at);
  const before = descriptors();
  for (let at = 20; at < 200; at++) await run(at);
  await until("all descriptors are closed", () => descriptors() <= before);
  expect(zombies()).toEqual([]);
  expect(readdirSync(rig.runtimeDir).filter((name) => !name.startsWith("fifo-"))).toEqual(["codes", "held.ndjson"]);
  expect(readdirSync(rig.runtimeDir).length).toBeLessThanOrEqual(16 + 2);
  const exits = readFileSync(join(rig.runDir, "exits.ndjson"), "utf8").trim().split("\n");
  expect(exits.map((line) => (JSON.parse(line) as { attemptId: string }).attemptId)).toEqual(
    Array.from({ length: 200 }, (_, at) => String(at + 1).padStart(6, "0")),
  );
});

it("runs 64 commands side by side without mixing their output", async () => {
  const gate = join(rig.dir, "gate");
  const handles = Array.from({ length: 64 }, (_, at) => {
    const script = `echo start ${at}; while [ ! -e ${gate} ]; do sleep 0.1; done; echo end ${at}; echo err ${at} >&2; exit ${at}`;
    return client.run(rig.spec(script, { held: at % 8 === 0 }));
  });
  await Promise.all(handles.map(({ pid }) => pid));
  const { writeFileSync } = await import("node:fs");
  writeFileSync(gate, "");
  const exits = await Promise.all(handles.map(({ exit }) => exit));
  for (const [at, exit] of exits.entries()) {
    expect(exit).toMatchObject({ code: at, drained: true });
    expect(rig.read(exit)).toBe(`start ${at}\nend ${at}\n`);
    expect(rig.read(exit, "err")).toBe(`err ${at}\n`);
  }
});
