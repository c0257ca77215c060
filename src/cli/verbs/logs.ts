import type { Command } from "../command.ts";
export default function logs(_command: Command): number {
  throw new Error("logs: not there yet");
}
