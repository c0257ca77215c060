/** Live progress in a terminal. */

import { type Progress, plainProgress } from "./plain-progress.ts";
import type { Terminal } from "./terminal.ts";

export function liveProgress(_terminal: Terminal): Progress {
  return plainProgress((line) => process.stderr.write(`${line}\n`));
}
