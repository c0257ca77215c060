import { execFileSync } from "node:child_process";

/** Node has no mkfifo(3). */
export function makeFifo(path: string): void {
  execFileSync("mkfifo", ["-m", "600", path]);
}
