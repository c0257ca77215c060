import type { Command } from "../command.ts";
export default function list(_command: Command): number {
  throw new Error("list: not there yet");
}
