/** Rows of `fly secrets list --json`. Fly never gives values back; what looks like one is a digest. */
import type { JsonSchema } from "../../util/json.ts";
import { listOf, nullable, row, text } from "../schema.ts";
import type { StepHost } from "../step-type.ts";
import { flyJson } from "./flyctl.ts";
import { aList, anObject, aText, or } from "./shape.ts";

export interface SecretRow {
  readonly name: string;
  readonly digest: string;
  /** `Deployed`, `Staged`, `Partial`, `Unknown`; null when fly left it out. */
  readonly status: string | null;
}

const secretRow = anObject<SecretRow>({ name: aText, digest: or(aText, ""), status: or(aText, null) });

export const secretRowsSchema: JsonSchema = listOf(
  row({
    name: text("Name."),
    digest: text("Digest of the value."),
    status: nullable(text("`Deployed`, `Staged`, `Partial` or `Unknown`; fly leaves it out on an API error.")),
  }),
  "The secrets, with the vendor's keys.",
);

export async function readSecrets(host: StepHost, app: string): Promise<SecretRow[]> {
  return await flyJson(host, ["secrets", "list"], app, or(aList(secretRow), []));
}
