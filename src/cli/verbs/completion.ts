import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
export default function completion(_command: Command): number {
  throw new UsageError("completion is not supported by this version");
}
