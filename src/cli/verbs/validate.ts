import type { Command } from "../command.ts";
export default function validate(_command: Command): number {
  throw new Error("validate: not there yet");
}
