/** Rows of `fly releases --json`: newest first, at most 25, keys in PascalCase. */
import type { JsonSchema } from "../../util/json.ts";
import { anything, listOf, row, text, truth, whole } from "../schema.ts";
import type { StepHost } from "../step-type.ts";
import { flyJson } from "./flyctl.ts";
import { aList, anObject, aText, aTruth, aWhole, or } from "./shape.ts";

export interface ReleaseRow {
  readonly ID: string;
  readonly Version: number;
  readonly Status: string;
  readonly Description: string;
  readonly Reason: string;
  readonly Stable: boolean;
  readonly InProgress: boolean;
  readonly DeploymentStrategy: string;
  readonly CreatedAt: string;
  /** Empty for releases that never had an image. */
  readonly ImageRef: string;
}

const releaseRow = anObject<ReleaseRow>({
  ID: or(aText, ""),
  Version: aWhole,
  Status: aText,
  Description: or(aText, ""),
  Reason: or(aText, ""),
  Stable: or(aTruth, false),
  InProgress: or(aTruth, false),
  DeploymentStrategy: or(aText, ""),
  CreatedAt: aText,
  ImageRef: or(aText, ""),
});

export const releaseRowsSchema: JsonSchema = listOf(
  row({
    ID: text("Release id."),
    Version: whole("Release number; the table prints it as `v42`."),
    Status: text("`complete`, `failed`, `running`, `pending`, `interrupted`, …"),
    Description: text("What made it, such as `Release`."),
    Reason: text("Why it was made."),
    Stable: truth("Whether it was marked stable."),
    InProgress: truth("Whether it is being rolled out now."),
    DeploymentStrategy: text("`rolling`, `canary`, `bluegreen` or `immediate`."),
    Metadata: anything("Metadata of the release, may be null."),
    User: anything("Who released it: `ID`, `Name`, `Email`."),
    CreatedAt: text("RFC 3339."),
    ImageRef: text("The image; empty when the release has none."),
  }),
  "Releases as the vendor lists them, newest first, at most 25.",
);

/** Reads `fly releases --json`, newest first whatever order it came in. */
export async function readReleases(host: StepHost, app: string): Promise<ReleaseRow[]> {
  const rows = await flyJson(host, ["releases"], app, or(aList(releaseRow), []));
  return rows.map((each) => ({ Metadata: null, User: null, ...each })).sort((a, b) => b.Version - a.Version);
}
