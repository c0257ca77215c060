import type { Catalogue } from "../../steps/step-type.ts";
import type { Config } from "../config.ts";
import type { Findings } from "../findings.ts";
import type { Runbook } from "../runbook.ts";
import type { Source } from "../source.ts";

/** What every rule reads. The runbook may be a best effort over a text with errors of shape. */
export interface LintContext {
  readonly runbook: Runbook;
  readonly source: Source;
  readonly catalogue: Catalogue;
  /** Undefined: rules that need the project file are silent. */
  readonly config: Config | undefined;
  readonly findings: Findings;
}
