import type { Command } from "../command.ts";
export default function history(_command: Command): number {
  throw new Error("history: not there yet");
}
