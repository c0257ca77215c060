/** Starts a command under a real pseudo-terminal by util-linux' `script`, types into it and reads its screen. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { Emulator } from "./emulator.ts";

/** Why there is no pseudo-terminal here; null = there is one. Printed, so that nobody takes "skipped" for "passed". */
export const noPty: string | null = spawnSync("script", ["--version"]).error
  ? "not run: script(1) of util-linux is not installed"
  : null;
if (noPty !== null) process.stderr.write(`${noPty}\n`);

const limitMs = 30_000;

export interface PtyOptions {
  readonly columns: number;
  readonly rows?: number;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export class Pty {
  /** Everything printed, as bytes came. */
  output = "";
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;
  private readonly columns: number;
  private over = false;
  private listeners: (() => void)[] = [];
  /** Up to where the output was waited for: a later wait does not find what an earlier one found. */
  private seen = 0;

  constructor(argv: readonly string[], { columns, rows = 24, env, cwd }: PtyOptions) {
    const command = `stty cols ${columns} rows ${rows}; exec ${argv.map(quote).join(" ")}`;
    this.columns = columns;
    this.child = spawn("script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], {
      cwd,
      env: { TERM: "xterm-256color", ...env, SHELL: "/bin/sh" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
      this.tell();
    });
    this.child.stdin?.on("error", () => {});
    this.ended = once(this.child, "close").then(([code]) => {
      this.over = true;
      this.tell();
      return code as number | null;
    });
  }

  /** Types text; `\r` is Enter, `\u0003` Ctrl-C. */
  type(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Returns when the output after the last find has `pattern`; throws with the screen when the command ends first. */
  async see(pattern: RegExp): Promise<void> {
    const look = () => {
      const found = pattern.exec(
        this.output.slice(this.seen).replace(/\u001b\[[\d;]*[A-Za-z]/g, (code) => "\u0000".repeat(code.length)),
      );
      if (found === null) return false;
      this.seen += found.index + found[0].length;
      return true;
    };
    const deadline = performance.now() + limitMs;
    while (!look()) {
      const leftMs = deadline - performance.now();
      if (this.over || leftMs <= 0) throw new Error(`never saw ${pattern}:\n${this.screen().join("\n")}`);
      await new Promise<void>((next) => {
        const timer = setTimeout(next, leftMs);
        this.listeners.push(() => {
          clearTimeout(timer);
          next();
        });
      });
    }
  }

  /** What stands on the terminal and in its scrollback. */
  screen(): string[] {
    const emulator = new Emulator(this.columns);
    emulator.write(this.output);
    return emulator.text;
  }

  /** Ends the command when a test left it running. */
  async end(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
    await this.ended;
  }

  private tell(): void {
    const { listeners } = this;
    this.listeners = [];
    for (const listener of listeners) listener();
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
