import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRig, type Rig } from "./rig.ts";

const SECRET = "sekret-value-of-some-length";
const OTHER = "Zq7%other";

let rig: Rig;
beforeAll(async () => {
  rig = await createRig([
    { name: "TOKEN", value: SECRET },
    { name: "OTHER", value: OTHER },
  ]);
});
afterAll(() => rig.dispose());

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
/** Runs JavaScript in a Node of its own; `-` reads it from standard input, so that no quoting is involved. */
const node = (script: string, more = {}) => rig.run([process.execPath, "-"], { stdin: script, ...more });

describe("masking", () => {
  it("hides a secret that is written byte by byte, or across the borders of reads", async () => {
    const exit = await node(`
      const { writeSync } = require("node:fs");
      const secret = ${JSON.stringify(SECRET)};
      for (const unit of "begin " + secret + " end\\n") writeSync(1, unit);
      for (const before of [65530, 65536 - 27, 4090, 131060]) writeSync(1, "x".repeat(before) + secret + "\\n");
      writeSync(2, Buffer.from(secret).toString("base64") + "\\n" + encodeURIComponent(${JSON.stringify(OTHER)}) + "\\n");
    `);
    const expected = ["begin *** end", ...[65530, 65536 - 27, 4090, 131060].map((size) => `${"x".repeat(size)}***`)];
    expect(exit.out).toBe(`${expected.join("\n")}\n`);
    expect(exit.err).toBe("***\n***\n");
  });

  it("leaves no secret in any file of the run or the runtime directory", async () => {
    await rig.run(`echo ${SECRET}; cat; env`, {
      held: true,
      stdin: `${SECRET}\n`,
      env: { PATH: "/usr/bin:/bin", TOKEN: SECRET },
    });
    const { readdirSync } = await import("node:fs");
    for (const dir of [rig.runDir, rig.runtimeDir]) {
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        if (entry.isFile()) expect(readFileSync(join(dir, entry.name), "latin1"), entry.name).not.toContain(SECRET);
      }
    }
  });

  it("uses secrets that came up during the run for later commands", async () => {
    const client = await rig.client();
    const before = client.run(rig.spec("echo minted-later-1"));
    expect(rig.read(await before.exit)).toBe("minted-later-1\n");
    client.addSecrets([{ name: "MINTED", value: "minted-later-1" }]);
    const after = client.run(rig.spec(`echo minted-later-1 ${SECRET}`));
    expect(rig.read(await after.exit)).toBe("*** ***\n");
    expect(() => client.addSecrets([{ name: "PIN", value: "12" }])).toThrow("Secret PIN is shorter");
  });

  it("cuts after masking, never before", async () => {
    const exit = await rig.run(`printf '%s' "12345678${SECRET}abcdefgh"`, { headBytes: 10, tailBytes: 4 });
    expect(exit.out).toBe("12345678**\n[runbook: 5 bytes left out here]\nefgh");
    expect(exit.stdout).toMatchObject({
      bytes: 19,
      droppedBytes: 5,
      sha256: sha256(Buffer.from("12345678***abcdefgh")),
    });
  });
});

describe("bytes", () => {
  it("pass as they are: NUL, invalid UTF-8, every value, a line of 10 MB", async () => {
    const bytes = Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
    const file = join(rig.dir, "bytes");
    writeFileSync(file, bytes);
    const limits = { headBytes: 32 * 1024 * 1024 };
    const exit = await rig.run(["cat", file], limits);
    expect(rig.readBytes(exit).equals(bytes)).toBe(true);
    expect(exit.stdout).toEqual({ bytes: bytes.length, sha256: sha256(bytes), droppedBytes: 0 });
    const long = await rig.run("head -c 10000000 /dev/zero | tr '\\0' x", limits);
    expect(rig.readBytes(long).equals(Buffer.alloc(10_000_000, "x"))).toBe(true);
  });

  it("beyond head and tail are counted, hashed and left out, with a note in the file", async () => {
    const whole = Buffer.from(Array.from({ length: 200_000 }, (_, at) => `line ${at}\n`).join(""));
    const file = join(rig.dir, "lines");
    writeFileSync(file, whole);
    for (const [headBytes, tailBytes] of [
      [1000, 500],
      [0, 70_001],
      [100_000, 0],
      [whole.length - 1, 1],
      [whole.length, 0],
    ] as const) {
      const exit = await rig.run(["cat", file], { headBytes, tailBytes });
      const droppedBytes = whole.length - headBytes - tailBytes;
      expect(exit.stdout).toMatchObject({ bytes: whole.length, sha256: sha256(whole), droppedBytes });
      const note = droppedBytes > 0 ? `\n[runbook: ${droppedBytes} bytes left out here]\n` : "";
      const kept = [whole.subarray(0, headBytes), Buffer.from(note), whole.subarray(whole.length - tailBytes)];
      const found = rig.readBytes(exit);
      expect(found.equals(Buffer.concat(kept)), `${headBytes} + ${tailBytes}`).toBe(true);
      expect(exit.stdout.kept).toEqual(droppedBytes > 0 ? { bytes: found.length, sha256: sha256(found) } : undefined);
    }
  });

  it("that cannot be written are told, counted and hashed, and the command is not stopped", async () => {
    const own = await createRig();
    try {
      const client = await own.client();
      await client.start();
      execFileSync("prlimit", ["--pid", String(client.identity()!.pid), "--fsize=100000"]);
      const exit = await client.run(own.spec("head -c 300000 /dev/zero | tr '\\0' x; echo done >&2; exit 3")).exit;
      expect(exit).toMatchObject({ code: 3, cause: "exit", drained: true });
      expect(exit.stdout).toMatchObject({
        bytes: 300_000,
        sha256: sha256(Buffer.alloc(300_000, "x")),
        droppedBytes: 0,
      });
      expect(exit.stdout.writeError).toMatchObject({ code: "EFBIG" });
      expect(own.readBytes(exit).length).toBe(100_000);
      expect(own.read(exit, "err")).toBe("done\n");
    } finally {
      await own.dispose();
    }
  });
});

describe("much output", () => {
  const manyMiB = process.env["RUNBOOK_LONG_TESTS"] ? 1024 : 64;
  if (manyMiB < 1024) console.log("listed, not run: 1 GiB of output (RUNBOOK_LONG_TESTS=1, or npm run bench -- W5 G5)");

  it(`takes as much memory for ${manyMiB} MiB as for 8`, async () => {
    const client = await rig.client();
    const flood = async (mebibytes: number) => {
      const script = `yes "a line with ${SECRET} in it" | head -c ${mebibytes * 1024 * 1024}`;
      const exit = await client.run(rig.spec(script)).exit;
      const status = readFileSync(`/proc/${client.identity()!.pid}/status`, "latin1");
      return { exit, peakMiB: Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024 };
    };
    const few = await flood(8);
    const many = await flood(manyMiB);
    console.log(`supervisor peak: ${few.peakMiB.toFixed(0)} MiB, then ${many.peakMiB.toFixed(0)} MiB`);
    expect(few.exit.stdout.droppedBytes).toBe(0);
    expect(many.exit.stdout.bytes).toBeGreaterThan(manyMiB * 400_000);
    expect(many.exit.stdout.droppedBytes).toBe(many.exit.stdout.bytes - 9 * 1024 * 1024);
    expect(rig.read(many.exit)).not.toContain(SECRET);
    // What is kept of the end is 1 MiB; the rest of the room is for the collector of garbage.
    expect(many.peakMiB - few.peakMiB).toBeLessThan(24);
    expect(many.peakMiB).toBeLessThan(120);
  });
});
