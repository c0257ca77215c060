import type { Command } from "../command.ts";
export default function doctor(_command: Command): number {
  throw new Error("doctor: not there yet");
}
