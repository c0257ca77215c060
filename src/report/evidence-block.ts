/**
 * What a finished run leaves in the project for people who read there: the block of `evidence.append` and the index of
 * `evidence.artifactsDir`. Folds of the record, as the report is.
 */
import type { RunRecord } from "../engine/run-record.ts";
import { commandText, durationText, plural } from "./format.ts";
import { markdownCode, markdownLink, markdownProseCode, markdownText } from "./inert.ts";
import { stepsInOrder } from "./step-order.ts";
import { verdictOf } from "./verdict.ts";

/** Commands of a block; the report has all. */
const shownCommands = 20;

/** Line by which the block of this verdict is found again; a run that went on after its first verdict has two. */
export function blockMark(record: RunRecord): string {
  return `<!-- runbook ${record.run} sha256:${record.headHash} -->`;
}

/** Timestamp, commands, output path, result. `runDir` and `folder` are relative to the project. Ends with `blockMark`. */
export function evidenceBlock(record: RunRecord, paths: { runDir: string; folder: string | null }): string {
  const { started, finished } = record;
  const verdict = verdictOf(record);
  const commands = stepsInOrder(record).flatMap((step) =>
    step.commands.map((command) => {
      const code = command.end === null ? "no end" : `exit ${command.end.exitCode ?? command.end.signal}`;
      return `  - ${command.startedAt} ${markdownProseCode(commandText(command.argv))}, ${code} (${markdownText(step.path)})`;
    }),
  );
  const left = commands.length - shownCommands;
  const lines = [
    `## ${finished?.at ?? record.lastAt} ${markdownText(started.title)}: ${markdownText(verdict.word)}`,
    "",
    `- run: ${markdownProseCode(record.run)}, ${markdownText(started.runbook)} ${markdownText(started.version)} on ${markdownText(started.target)}, by ${markdownText(started.actor)}`,
    `- result: ${record.result}${finished === null ? "" : `, exit ${finished.exitCode}, ${durationText(finished.durationMs)}`}; ${plural(record.deviations.length, "deviation")}`,
    ...(record.escalation?.reasons ?? []).map(({ message }) => `- **blocker**: ${markdownText(message)}`),
    ...(started.reason === null ? [] : [`- reason: ${markdownText(started.reason)}`]),
    `- commands: ${commands.length === 0 ? "none" : commands.length}`,
    ...commands.slice(0, shownCommands),
    ...(left > 0 ? [`  - ${left} more in the report`] : []),
    `- report: ${markdownProseCode(`${paths.runDir}/report.md`)}`,
    ...(paths.folder === null ? [] : [`- output: ${markdownProseCode(paths.folder)}`]),
    `- head: ${markdownProseCode(`sha256:${record.headHash}`)}`,
    "",
    blockMark(record),
  ];
  return `${lines.join("\n")}\n`;
}

/** Links to what lies in the folder. */
export function folderIndex(record: RunRecord, runDir: string): string {
  const artifacts = stepsInOrder(record).flatMap((step) =>
    step.artifacts.map((file) => ({ ...file, step: step.path })),
  );
  const lines = [
    `# ${markdownText(record.started.title)}: ${markdownText(verdictOf(record).word)}`,
    "",
    `Run ${markdownProseCode(record.run)}, evidence in ${markdownProseCode(runDir)}, head ${markdownProseCode(`sha256:${record.headHash}`)}.`,
    "",
    "| File | Bytes | SHA-256 | Step |",
    "|---|---|---|---|",
    `| ${markdownLink("run.json", "run.json")} | | | the result as data |`,
    ...artifacts.map(
      ({ path, bytes, sha256, step }) =>
        `| ${markdownLink(path, path)} | ${bytes} | ${markdownCode(sha256)} | ${markdownCode(step)} |`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
