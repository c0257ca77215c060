import type { Plan } from "../plan/plan.ts";
import type { Command } from "./command.ts";
import type { Prepared } from "./prepare.ts";
export async function probe(_c: Command, _p: Prepared): Promise<Plan> {
  throw new Error("not there yet");
}
