import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
export default function init(_command: Command): number {
  throw new UsageError("init is not supported by this version");
}
