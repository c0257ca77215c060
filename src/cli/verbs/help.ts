import type { Command } from "../command.ts";
export default function help(_command: Command): number {
  throw new Error("help: not there yet");
}
