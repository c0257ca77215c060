/** What the step types that wait for a person have in common. */
import { nullable, result, text } from "./schema.ts";

/** Who decided and what they said. Declining ends the step, so a result always means yes. */
export const deciderResult = result({
  by: text("Name of the person who agreed, the last one where several had to."),
  note: nullable(text("Reason or note that person gave.")),
});

/** `run` of those types: reaching it is a defect, for the engine asks, records and resumes instead. */
export async function askedByEngine(): Promise<never> {
  throw new Error("a step that waits for a person is asked by the engine, not run");
}
