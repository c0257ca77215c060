import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
export default function newRunbook(_command: Command): number {
  throw new UsageError("new is not supported by this version");
}
