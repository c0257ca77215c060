/** Where state may live: nobody else may plant, read or replace a run. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStateDirectory, UnsafeStateDirectory } from "../../src/host/state-dir.ts";

let dir: string;
let state: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "state-dir-")));
  state = join(dir, "a", "state");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("is made for its owner alone, level by level, and accepted again", () => {
  openStateDirectory(state);
  openStateDirectory(state);
  for (const path of [join(dir, "a"), state, join(state, "runs"), join(state, "locks")])
    expect(statSync(path).mode & 0o777, path).toBe(0o700);
});

test("may be read by others: the runs in it may not", () => {
  openStateDirectory(state);
  chmodSync(state, 0o755);
  openStateDirectory(state);
});

const open = (mode: number, name: string) => () => {
  openStateDirectory(state);
  chmodSync(join(state, name), mode);
};
const link = (name: string) => () => {
  mkdirSync(join(state, name, ".."), { recursive: true });
  mkdirSync(join(dir, "real"), { mode: 0o700 });
  symlinkSync(join(dir, "real"), join(state, name));
};
const foreign = (name: string) => () => {
  openStateDirectory(state);
  chownSync(join(state, name), 12345, 12345);
};

const refused: readonly (readonly [string, () => void, string])[] = [
  ["a link", link(""), "is a symbolic link"],
  ["a link for its runs", link("runs"), "runs/ of the state directory"],
  ["a link for its locks", link("locks"), "is a symbolic link"],
  [
    "a file",
    () => {
      mkdirSync(join(state, ".."));
      writeFileSync(state, "");
    },
    "is not a directory",
  ],
  ["open to the group", open(0o770, ""), "chmod go-w "],
  ["open to all", open(0o707, ""), "(mode 707)"],
  ["sticky and open to all", open(0o1777, ""), "(mode 777)"],
  ["with open runs", open(0o777, "runs"), "/state/runs"],
  ["with open locks", open(0o770, "locks"), "/state/locks"],
  ...(process.getuid?.() === 0
    ? ([
        ["of another user", foreign(""), "belongs to another user (uid 12345)"],
        ["with runs of another user", foreign("runs"), "belongs to another user (uid 12345)"],
      ] as const)
    : []),
];
test.each(refused)("is refused: %s", (_, prepare, words) => {
  prepare();
  expect(() => openStateDirectory(state)).toThrow(UnsafeStateDirectory);
  expect(() => openStateDirectory(state)).toThrow(words);
  // What a link points to is left alone.
  expect(readdirSync(dir).includes("real") ? readdirSync(join(dir, "real")) : []).toEqual([]);
});
if (process.getuid?.() !== 0) console.log("listed, not run: directories of another user (only root can make one)");
