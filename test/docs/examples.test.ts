/**
 * Runs the examples of the documents and compares what they print. In a document, ```` ```console run ```` holds lines
 * `$ command` with the output below them; ```` ```yaml file=PATH ```` is written into the project first. The blocks of
 * one document are run in order in one fresh project, at a fixed date inside the deploy window.
 *
 * Ids, times, ports and digests may differ; the order of lines may too, as parallel steps end in any order.
 * `UPDATE_DOCS=1 npx vitest run test/docs/examples.test.ts` writes what was printed into the documents.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { stopSandbox } from "../../sandbox/client.ts";
import { endProcessesOf } from "../rig/processes.ts";
import { comparable, prepareProject, withoutMachine } from "./example-project.ts";
import { type Block, readDocument, root } from "./markdown.ts";

/** As in `test/rig/cli-rig.ts`: another build of the command. */
const program = process.env["RUNBOOK_TEST_BIN"] ?? join(root, "bin/runbook.cjs");
const sandbox = join(dirname(program), "../dist/sandbox.cjs");
const update = process.env["UPDATE_DOCS"] === "1";

const withExamples = ["README.md", "docs/tutorial.md", "docs/resume.md", "docs/cookbook.md"];

describe.each(withExamples)("the examples of %s", (path) => {
  it("print what the document shows", async () => {
    const { blocks } = readDocument(path);
    const examples = blocks.filter(({ info }) => info[0] === "console" && info.includes("run"));
    expect(examples.length).toBeGreaterThan(0);
    // A minute from command to command, so that `last` is the last.
    let minute = 0;
    const clock = () => new Date(Date.UTC(2026, 10, 20, 18, minute++)).toISOString();
    const dir = realpathSync(mkdtempSync(join(tmpdir(), "runbook-docs-")));
    try {
      const written = new Map<Block, string>();
      prepareProject(dir);
      for (const block of blocks) {
        const file = block.info.find((word) => word.startsWith("file="))?.slice("file=".length);
        if (file !== undefined) writeFileSync(join(dir, "project", file), block.text);
        if (!examples.includes(block)) continue;
        const printed = await printedBy(block, dir, clock);
        if (update) written.set(block, printed);
        else expect(comparable(printed), `${path}:${block.line}`).toEqual(comparable(block.text));
      }
      if (update) replaceBlocks(path, written);
    } finally {
      await stopSandbox(join(dir, "project/.runbook"));
      await endProcessesOf(dir);
      rmSync(dir, { recursive: true, force: true });
    }
  }, 180_000);
});

/** The block as it would stand with the output of now: each `$` line, then what it printed. */
async function printedBy(block: Block, dir: string, clock: () => string): Promise<string> {
  const parts: string[] = [];
  for (const [at, line] of block.text.split("\n").entries()) {
    if (!line.startsWith("$ ")) {
      if (at === 0) throw new Error(`line ${block.line}: an example begins with "$ "`);
      continue;
    }
    parts.push(line, withoutMachine(await shell(line.slice(2), dir, clock())));
  }
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

/** What a reader has in a clone after `npm ci`, without npm in between. */
const prelude = `
npx() { shift; "$NODE" "$PROGRAM" "$@"; }
npm() { shift 4; "$NODE" "$SANDBOX" "$@"; }
`;

async function shell(command: string, dir: string, now: string): Promise<string> {
  const output = join(dir, "output");
  const fd = openSync(output, "w");
  const child = spawn("/bin/sh", ["-c", `${prelude}${command}`], {
    cwd: join(dir, "project"),
    stdio: ["ignore", fd, fd],
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: join(dir, "home"),
      LANG: "C.UTF-8",
      NODE: process.execPath,
      PROGRAM: program,
      SANDBOX: sandbox,
      RUNBOOK_TESTING: "1",
      RUNBOOK_NOW: now,
    },
  });
  await once(child, "exit");
  closeSync(fd);
  return readFileSync(output, "utf8").trimEnd();
}

/** From the last block to the first, so that the lines of the others stay where they are. */
function replaceBlocks(path: string, printed: ReadonlyMap<Block, string>): void {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  for (const [block, text] of [...printed].reverse()) {
    lines.splice(block.line - 1, block.text.split("\n").length - 1, ...text.trimEnd().split("\n"));
  }
  writeFileSync(join(root, path), lines.join("\n"));
}
