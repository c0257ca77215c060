import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
export default function docs(_command: Command): number {
  throw new UsageError("docs is not supported by this version");
}
