import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
export default function show(_command: Command): number {
  throw new UsageError("show is not supported by this version");
}
