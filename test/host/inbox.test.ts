import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { InboxMessage } from "../../src/engine/ports.ts";
import { leaveMessage, takeMessages } from "../../src/host/inbox.ts";
import { makeFifo } from "../rig/fifo.ts";

let runDir: string;
let inbox: string;
beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), "inbox-"));
  inbox = join(runDir, "inbox");
  mkdirSync(inbox);
});
afterEach(() => rmSync(runDir, { recursive: true, force: true }));

const press: InboxMessage = { kind: "signal", signal: "SIGINT", press: 1 };
const taken = () => takeMessages(runDir, new Set());

test("a message is handed out until it is removed, and only once to one reader", () => {
  leaveMessage(runDir, press);
  const known = new Set<string>();
  const [first] = takeMessages(runDir, known);
  expect(first?.message).toEqual(press);
  expect(takeMessages(runDir, known)).toEqual([]);
  expect(taken().map(({ message }) => message)).toEqual([press]);
  first?.remove();
  expect(taken()).toEqual([]);
});

test("a press for an executor that is gone is not obeyed by the next one", () => {
  const { pid: gone } = spawnSync("true");
  leaveMessage(runDir, press, gone);
  leaveMessage(runDir, { ...press, press: 2 }, process.pid);
  expect(taken().map(({ message }) => message)).toEqual([{ ...press, press: 2 }]);
  expect(readdirSync(inbox)).toHaveLength(1);
});

test.each<[string, (file: string) => void]>([
  ["nothing", (file) => writeFileSync(file, "")],
  ["half a message", (file) => writeFileSync(file, '{"kind":"sig')],
  ["null", (file) => writeFileSync(file, "null")],
  ["a kind of its own", (file) => writeFileSync(file, '{"kind":"reboot"}')],
  ["an abort by nobody", (file) => writeFileSync(file, '{"kind":"abort","now":true}')],
  ["bytes", (file) => writeFileSync(file, Buffer.alloc(4096, 0xff))],
  ["a FIFO that nobody writes", makeFifo],
  ["a folder", (file) => mkdirSync(file)],
  ["a link to a message elsewhere", (file) => symlinkSync("/dev/zero", file)],
])("%s in the inbox is no message and keeps none from being read", (_, make) => {
  make(join(inbox, "000000000000001-aa.json"));
  leaveMessage(runDir, press);
  expect(taken().map(({ message }) => message)).toEqual([press]);
});
