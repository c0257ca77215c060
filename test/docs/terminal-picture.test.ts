/**
 * `docs/terminal.svg`, the picture of the README: the screen of a real run in a real pseudo-terminal.
 * `UPDATE_DOCS=1 npx vitest run test/docs/terminal-picture.test.ts` draws it again.
 */
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stopSandbox } from "../../sandbox/client.ts";
import { noPty, Pty } from "../cli/terminal/pty.ts";
import { endProcessesOf } from "../rig/processes.ts";
import { comparable, prepareProject, withoutMachine } from "./example-project.ts";
import { root } from "./markdown.ts";

const program = process.env["RUNBOOK_TEST_BIN"] ?? join(root, "bin/runbook.cjs");
const picture = join(root, "docs/terminal.svg");
const columns = 80;
const cell = { width: 8.4, height: 19 };
const margin = 18;
/** SGR codes the tool uses, as fills on a dark ground. */
const fills: Readonly<Record<string, string>> = {
  31: "#ff7b72",
  32: "#7ee787",
  33: "#e3b341",
  2: "#8b949e",
  36: "#79c0ff",
};

const dir = realpathSync(mkdtempSync(join(tmpdir(), "runbook-picture-")));
afterAll(async () => {
  await stopSandbox(join(dir, "project/.runbook"));
  await endProcessesOf(dir);
  rmSync(dir, { recursive: true, force: true });
});

test.skipIf(noPty)("shows what a run shows in a terminal", { timeout: 120_000 }, async () => {
  prepareProject(dir);
  const args = ["run", "rollback-production", "-t", "local", "-i", "reason=bad release"];
  const pty = new Pty([process.execPath, program, ...args], {
    columns,
    rows: 40,
    cwd: join(dir, "project"),
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: join(dir, "home"),
      LANG: "C.UTF-8",
      RUNBOOK_TESTING: "1",
      RUNBOOK_NOW: "2026-11-20T18:01:00.000Z",
    },
  });
  expect(await pty.ended).toBe(0);
  const styled = new Map(pty.output.split(/\r?\n/).map((line) => [plain(line), line]));
  const lines = [
    '$ runbook run rollback-production -t local -i reason="bad release"',
    ...withoutSandbox(pty.screen()).map((line) => styled.get(line) ?? line),
  ].map(withoutMachine);
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(picture, drawn(lines));
  const shown = [...readFileSync(picture, "utf8").matchAll(/<g>(.*)<\/g>/g)].map(([, row = ""]) =>
    row
      .replace(/(?:<[^>]*>)+/g, " ")
      .replace(/&(lt|gt|quot|amp);/g, (_, name: keyof typeof entities) => entities[name]),
  );
  expect(comparable(shown.join("\n"))).toEqual(comparable(lines.map(plain).join("\n")));
});

/** How to stop the sandbox names the folder of this test, and is no part of a run on other targets. */
function withoutSandbox(lines: readonly string[]): readonly string[] {
  const from = lines.findIndex((line) => /^ {2}sandbox /.test(line));
  return from < 0 ? lines : lines.slice(0, from);
}

const entities = { lt: "<", gt: ">", quot: '"', amp: "&" } as const;

function plain(line: string): string {
  return line.replace(/\r|\u001b\[[\d;]*[A-Za-z]/g, "").trimEnd();
}

function drawn(lines: readonly string[]): string {
  const width = Math.ceil(columns * cell.width + 2 * margin);
  const height = Math.ceil(lines.length * cell.height + 2 * margin);
  const rows = lines.map((line, at) => `<g>${spans(line, margin + (at + 0.75) * cell.height)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="A run in a terminal" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14" fill="#e6edf3">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${rows.join("\n")}
</svg>
`;
}

/** Each word by itself at its column: fonts disagree about the width of symbols. */
function spans(line: string, y: number): string {
  const parts: string[] = [];
  let column = 0;
  let style = "";
  for (const [, code, word, blank] of line.matchAll(
    /\u001b\[([\d;]*)m|\u001b\[[\d;]*[A-Za-z]|([^\u001b\s]+)|([^\S\r])/g,
  )) {
    if (code !== undefined) style = styleOf(code, style);
    else if (blank !== undefined) column++;
    else if (word !== undefined) {
      const text = word.replace(
        /[<>"&]/g,
        (sign) => `&${Object.entries(entities).find(([, each]) => each === sign)?.[0]};`,
      );
      parts.push(`<text x="${(margin + column * cell.width).toFixed(1)}" y="${y.toFixed(1)}"${style}>${text}</text>`);
      column += [...word].length;
    }
  }
  return parts.join("");
}

function styleOf(code: string, before: string): string {
  if (code === "1") return `${before} font-weight="bold"`;
  return fills[code] === undefined ? "" : ` fill="${fills[code]}"`;
}
