/** `validate`: every problem of runbooks and the project file in one pass. Reads files, runs nothing. */
import { exitCodes } from "../../engine/exit-codes.ts";
import { codes, explainCode } from "../../language/codes.ts";
import type { Diagnostic } from "../../language/diagnostic.ts";
import { renderText, type TextOf } from "../../language/render.ts";
import { toGithub, toJson, toJunit, toSarif } from "../../language/render-formats.ts";
import { closest } from "../../util/closest.ts";
import { type Command, makeCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { checkFiles, type FileToCheck, filesToCheck, fixFiles } from "../project/validation.ts";
import { isTerminal } from "../terminal/standard-output.ts";
import { paint } from "../terminal/terminal.ts";
import { counted } from "../terminal/text-table.ts";
import { toolVersion } from "../version.ts";

export default async function validate(command: Command): Promise<number> {
  const code = command.args.text("explain");
  if (code !== undefined) return explain(command, code);
  const files = filesToCheck(command);
  const isRepaired = command.args.on("fix") && fix(command, files);
  // The project file may be another now.
  const { diagnostics, textOf } = await checkFiles(isRepaired ? makeCommand(command.args) : command, files);
  print(
    command,
    diagnostics,
    textOf,
    files.map((file) => file.shown),
  );
  const errors = diagnostics.filter((item) => item.severity === "error").length;
  const warnings = diagnostics.length - errors;
  const isBad = errors > 0 || (warnings > 0 && command.args.on("strict"));
  const { symbols, colorErr } = command.terminal;
  const mark = isBad ? symbols.failed : symbols.ok;
  const counts = [counted(files.length, "file"), counted(errors, "error"), counted(warnings, "warning")].join(", ");
  command.say(`${colorErr ? paint(mark, isBad ? "error" : "good") : mark} ${counts}`);
  const first = diagnostics.find((item) => item.severity === "error") ?? diagnostics[0];
  if (isBad && first !== undefined && command.output === "text")
    command.say(`next: runbook validate --explain ${first.code}`);
  return isBad ? exitCodes.invalid : exitCodes.ok;
}

/** True when any file was changed. */
function fix(command: Command, files: readonly FileToCheck[]): boolean {
  const fixed = fixFiles(command, files);
  for (const { shown, applied } of fixed) {
    const codes = applied.map(({ code, line }) => `${code} (line ${line})`).join(", ");
    command.say(`repaired ${shown}: ${codes}`);
  }
  return fixed.length > 0;
}

function print(command: Command, diagnostics: readonly Diagnostic[], textOf: TextOf, files: readonly string[]): void {
  switch (command.output) {
    case "json":
      command.json(toJson(diagnostics, textOf, files.length));
      break;
    case "sarif":
      command.json(toSarif(diagnostics, textOf, toolVersion));
      break;
    case "junit":
      command.print(toJunit(diagnostics, textOf, files));
      break;
    case "github":
      if (diagnostics.length > 0) command.print(toGithub(diagnostics, textOf));
      break;
    default: {
      if (diagnostics.length === 0) break;
      const { colorOut, width } = command.terminal;
      command.print(
        renderText(diagnostics, textOf, {
          ...(colorOut ? { paint } : {}),
          ...(isTerminal(1) ? { width } : {}),
        }),
      );
    }
  }
}

function explain(command: Command, code: string): number {
  const entry = codes[code];
  const text = explainCode(code);
  if (entry === undefined || text === null) {
    const near = closest(code, Object.keys(codes));
    throw new UsageError(
      `there is no diagnostic "${code}"${near ? `. Did you mean "${near}"?` : ""}`,
      near ? `runbook validate --explain ${near}` : "runbook help diagnostics",
    );
  }
  if (command.output === "json") command.json({ format: "runbook.explanation/1.0", code, ...entry });
  else command.print(text);
  return exitCodes.ok;
}
