/** Standard output and error of a process that nobody watches. */
import { closeSync, constants, openSync } from "node:fs";

/** From now on what is written to `descriptors` goes to the end of `file`, 0600, which no link may stand for. Throws. */
export function redirect(descriptors: readonly (1 | 2)[], file: string): void {
  for (const descriptor of descriptors) {
    closeSync(descriptor);
    // The lowest free descriptor is the one that was just closed.
    const opened = openSync(
      file,
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
      0o600,
    );
    if (opened !== descriptor) throw new Error(`descriptor ${opened} instead of ${descriptor} for ${file}`);
  }
}
