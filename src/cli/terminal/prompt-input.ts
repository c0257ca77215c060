/**
 * Typed answers of a person at a terminal, a line each. The terminal keeps its own line editing (no raw mode), so
 * whatever ends this process there is nothing to restore. Never used unless stdin and stderr are terminals.
 */
import { createInterface, type Interface } from "node:readline";

/** What was typed before a question was shown is no answer to it: lines this soon are thrown away. */
const typedAheadMs = 60;

export class PromptInput {
  private readonly lines: Interface;
  private readonly controller = new AbortController();
  private readonly onInterrupt = () => this.controller.abort();
  private waiting: ((line: string | null) => void) | null = null;
  private left = false;

  private constructor(stop: AbortSignal) {
    this.lines = createInterface({ input: process.stdin, terminal: false });
    this.lines.on("line", (line) => this.hand(line));
    this.lines.on("close", () => this.leave());
    this.controller.signal.addEventListener("abort", () => this.leave());
    stop.addEventListener("abort", () => this.leave());
    process.on("SIGINT", this.onInterrupt);
  }

  /** `stop` ends every question as if the person had left. */
  static async open(stop: AbortSignal): Promise<PromptInput> {
    const input = new PromptInput(stop);
    await new Promise((resolve) => setTimeout(resolve, typedAheadMs));
    return input;
  }

  /** The typed line without blanks around it; null when the person left (Ctrl-C, Ctrl-D) or the question ended. */
  async ask(label: string): Promise<string | null> {
    if (this.left) return null;
    process.stderr.write(label);
    const line = await new Promise<string | null>((resolve) => {
      this.waiting = resolve;
    });
    if (line === null) process.stderr.write("\n");
    return line === null ? null : line.trim();
  }

  close(): void {
    this.lines.close();
    process.stdin.pause();
    process.off("SIGINT", this.onInterrupt);
  }

  private leave(): void {
    this.left = true;
    this.hand(null);
  }

  private hand(line: string | null): void {
    const { waiting } = this;
    this.waiting = null;
    waiting?.(line);
  }
}
