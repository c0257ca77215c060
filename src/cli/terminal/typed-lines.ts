/**
 * Tells when somebody presses Enter while a block stands at the bottom of the terminal: its echo moves the cursor down a
 * row. What was typed is read here and nowhere else, so it can neither answer a later question nor reach the shell afterwards.
 */
import { readFileSync } from "node:fs";

/** Calls back with the number of lines typed and what they say; returns how to stop. Does nothing without a terminal, or in the background. */
export function onTypedLines(typed: (lines: number, words: readonly string[]) => void): () => void {
  const { stdin } = process;
  if (stdin.isTTY !== true) return () => {};
  const onData = (data: Buffer | string) => {
    const words = String(data).split("\n").slice(0, -1);
    if (words.length > 0)
      typed(
        words.length,
        words.map((word) => word.trim()),
      );
  };
  // A background process that reads its terminal is stopped by the kernel (SIGTTIN).
  const follow = () => {
    if (isForeground()) stdin.on("data", onData).resume();
    else stdin.off("data", onData).pause();
  };
  const onContinue = () => {
    stdin.off("data", onData);
    follow();
  };
  follow();
  process.on("SIGCONT", onContinue);
  return () => {
    process.off("SIGCONT", onContinue);
    stdin.off("data", onData).pause();
  };
}

/** Whether this process' group is the terminal's: fields 5 and 8 of `/proc/self/stat`, proc(5). Elsewhere: no. */
function isForeground(): boolean {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // The name in parentheses may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[2] === fields[5];
  } catch {
    return false;
  }
}
