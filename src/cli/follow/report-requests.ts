/** Which reports `run` and `resume` were asked to leave for other readers. Loads nothing that renders. */
import { resolve } from "node:path";
import { closest } from "../../util/closest.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";

export const extensions = {
  md: "md",
  html: "html",
  json: "json",
  junit: "xml",
  ctrf: "ctrf.json",
  prom: "prom",
} as const;
export type ReportFormat = keyof typeof extensions;
export const reportFormats = Object.keys(extensions) as readonly ReportFormat[];

export interface ReportRequest {
  readonly format: ReportFormat;
  /** Absolute; null = beside the working directory, named by the run. */
  readonly path: string | null;
}

/** Reads every `--report FORMAT[=PATH]`. Throws `UsageError`: call it before anything is started. */
export function reportRequests(command: Command): ReportRequest[] {
  return command.args.texts("report").map((word) => {
    const cut = word.indexOf("=");
    const name = cut < 0 ? word : word.slice(0, cut);
    const format = reportFormats.find((item) => item === name);
    if (format === undefined) {
      const near = closest(name, reportFormats);
      throw new UsageError(
        `--report ${name}: there is no such format${near ? `. Did you mean "${near}"?` : `; there are ${reportFormats.join(", ")}`}`,
        `runbook run --report ${near ?? "junit"}=report.xml`,
      );
    }
    if (cut >= 0 && word.length === cut + 1) throw new UsageError(`--report ${word}: the path behind = is empty`);
    return { format, path: cut < 0 ? null : resolve(command.cwd, word.slice(cut + 1)) };
  });
}

/** Whether anything is to be written when the run ends. Throws as `reportRequests`. */
export function wantsReports(command: Command): boolean {
  return reportRequests(command).length > 0 || process.env["GITHUB_ACTIONS"] === "true";
}
