import type { Command } from "../command.ts";
export default function schema(_command: Command): number {
  throw new Error("schema: not there yet");
}
