/**
 * Shell text or a script file. Values reach it only through `env` and `args`, never through its text.
 * `-e` is always given, and `pipefail` where the shell has it: a step must not pass because only its last line did.
 */
import { type CommandFacts, commandFacts, commandResultSchema } from "./command-result.ts";
import { commandText } from "./command-text.ts";
import { choice, closed, either, listOf, text } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface ScriptSpec {
  readonly script?: string;
  readonly file?: string;
  readonly shell?: string;
  readonly args?: readonly unknown[];
}

/** One argument may hold 128 KiB on Linux; this many code points of four bytes stay below it. */
const longestScript = 30_000;

export const script = defineStepType<ScriptSpec, CommandFacts>({
  type: "script",
  summary: "Runs shell text or a script file; it stops at the first command that fails. Succeeds on exit code 0.",
  docs: "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sh.html",
  effects: "write",
  effectsRequired: true,
  timeoutMs: 300_000,
  input: closed(
    {
      script: text("Shell text, without holes: give it values by `env:` or `args`. Longer text belongs in a `file`.", {
        minLength: 1,
        maxLength: longestScript,
      }),
      file: text("Path of a script, relative to the runbook file; the copy sealed with the run is executed.", {
        minLength: 1,
      }),
      shell: choice("Shell that reads it, default `sh`.", {
        sh: "The system's POSIX shell, with `-e` (default).",
        dash: "Debian's POSIX shell, with `-e`.",
        bash: "With `-e` and `pipefail`.",
        ksh: "With `-e` and `pipefail`.",
        zsh: "With `-e` and `pipefail`.",
      }),
      args: listOf({ type: ["string", "number", "boolean"] }, "Arguments `$1`, `$2`, …"),
    },
    [],
    either("script", "file"),
  ),
  examples: [
    { script: "pg_dump --schema-only shop | sha256sum", shell: "bash" },
    { file: "scripts/rotate.sh", args: ["${{ target.app }}", 3] },
  ],
  result: commandResultSchema,
  literalFields: ["script"],
  fileFields: ["file"],
  stepKeys: ["env", "cwd", "stdin", "artifacts"],
  action: (spec) => {
    const argv = words(spec, spec.file ?? "");
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    const file = spec.file === undefined ? "" : host.files.sealedPath(spec.file);
    if (spec.script === undefined && spec.file === undefined) {
      throw new StepFailure(
        "fatal",
        "script-missing",
        "The step has neither `script` nor `file`: there is nothing to run.",
      );
    }
    return commandFacts(spec.file ?? "the script", await host.command(words(spec, file)));
  },
});

function words(spec: ScriptSpec, file: string): [string, ...string[]] {
  const shell = spec.shell ?? "sh";
  const options = shell === "sh" || shell === "dash" ? ["-e"] : ["-e", "-o", "pipefail"];
  // After `-c TEXT` the next word is $0.
  const source = spec.script === undefined ? [file] : ["-c", spec.script, shell];
  return [shell, ...options, ...source, ...(spec.args ?? []).map(String)];
}
