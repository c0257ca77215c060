/** What the step types that wait for a person have in common. */
import { listOf, nullable, result, text } from "./schema.ts";

/** Who decided, when and what they said. Declining ends the step, so a result always means yes. */
export const deciderResult = result({
  by: listOf({ type: "string" }, "Names of the people who agreed, in the order they did."),
  decidedAt: text("When the last of them did, RFC 3339."),
  reason: nullable(text("Reason or note the last of them gave.")),
});

/** `run` of those types: reaching it is a defect, for the engine asks, records and resumes instead. */
export async function askedByEngine(): Promise<never> {
  throw new Error("a step that waits for a person is asked by the engine, not run");
}
