/** Programs of the person at the terminal: their pager, their browser. Never started where nobody looks. */
import { spawn, spawnSync } from "node:child_process";
import { isTerminal, writeOut } from "./standard-output.ts";
import type { Terminal } from "./terminal.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What pages a text: RUNBOOK_PAGER > PAGER > `less -FIRX`; null = the text is printed as it is. */
export function pagerFor(
  text: string,
  { isTerminal, rows, env }: { readonly isTerminal: boolean; readonly rows: number; readonly env: Env },
): readonly string[] | null {
  if (!isTerminal || env["TERM"] === "dumb" || text.split("\n").length <= rows) return null;
  const words = wordsOf(env["RUNBOOK_PAGER"] ?? env["PAGER"] ?? "less -FIRX");
  return words.length === 0 || words[0] === "cat" ? null : words;
}

/** Text on stdout; through the pager when it is longer than the screen and somebody can page. */
export function printPaged(text: string, terminal: Terminal, env: Env = process.env): void {
  const canPage = isTerminal(1) && terminal.interactive;
  const rows = canPage ? process.stdout.rows : 0;
  const [program, ...args] = pagerFor(text, { isTerminal: canPage, rows: rows || 24, env }) ?? [];
  if (program !== undefined) {
    const ran = spawnSync(program, args, { input: text, stdio: ["pipe", "inherit", "inherit"] });
    // A pager that is quit early closes its pipe: that is no error. One that is not there is.
    if (ran.error === undefined || (ran.error as NodeJS.ErrnoException).code === "EPIPE") return;
  }
  writeOut(text.endsWith("\n") ? text : `${text}\n`);
}

/** Opens a file in the browser of BROWSER, else the desktop's. Null, or why it could not. */
export async function openInBrowser(file: string, env: Env = process.env): Promise<string | null> {
  const desktop = process.platform === "darwin" ? "open" : "xdg-open";
  const words = wordsOf(env["BROWSER"] ?? "");
  const [program = desktop, ...rest] = words;
  const args = rest.some((word) => word.includes("%s"))
    ? rest.map((word) => word.replaceAll("%s", file))
    : [...rest, file];
  return await new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["inherit", "ignore", "inherit"] });
    child.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ENOENT" ? `there is no program "${program}"` : error.message),
    );
    child.once("exit", (code, signal) => resolve(code === 0 ? null : `${program} ended with ${code ?? signal}`));
  });
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
