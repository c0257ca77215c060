import type { Command } from "../command.ts";
export default function keys(_command: Command): number {
  throw new Error("keys: not there yet");
}
