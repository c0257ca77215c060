/** A text file written from what the run knows: a summary, the draft of a post-mortem. `artifacts` keeps it. */
import { dirname, relative, resolve } from "node:path";
import { exitFailure } from "./command-text.ts";
import { closed, result, text, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface DocumentSpec {
  readonly file: string;
  readonly text: string;
}

interface DocumentResult {
  readonly file: string;
  readonly bytes: number;
}

export const document = defineStepType<DocumentSpec, DocumentResult>({
  type: "document",
  summary:
    "Writes a text whose holes the run fills into a file below the step's working directory. Nothing of the target changes; name the file under `artifacts` to keep it with the evidence.",
  docs: "https://sre.google/sre-book/postmortem-culture/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed(
    {
      file: text("Path below the step's working directory; folders are made, an older file is replaced.", {
        minLength: 1,
      }),
      text: text("The text, with holes.", { minLength: 1 }),
    },
    ["file", "text"],
  ),
  examples: [{ file: "artifacts/summary.md", text: "# Image\n\n${{ steps.look.outputs.image }}\n" }],
  result: result({ file: text("The path as it was given."), bytes: whole("Bytes written.") }),
  stepKeys: ["cwd", "artifacts"],
  tools: [],
  action: (spec) => ({ text: `write ${spec.file}`, argv: null }),
  async run(spec, host) {
    const path = resolve(host.files.workDir, spec.file);
    if (/^(?:\.\.(?:\/|$)|$)/.test(relative(host.files.workDir, path)) || /[\0\n]/.test(spec.file)) {
      throw new StepFailure(
        "fatal",
        "file-outside",
        `${JSON.stringify(spec.file)} is not below the working directory ${host.files.workDir}.`,
        { facts: { file: spec.file } },
      );
    }
    const content = spec.text.endsWith("\n") ? spec.text : `${spec.text}\n`;
    // Written aside and renamed, so that whoever reads it sees a whole one.
    const script =
      'mkdir -p -- "$DOCUMENT_FOLDER" && cat > "$DOCUMENT_FILE.$DOCUMENT_RUN" && mv -- "$DOCUMENT_FILE.$DOCUMENT_RUN" "$DOCUMENT_FILE"';
    const ended = await host.command(["sh", "-c", script], {
      env: { DOCUMENT_FILE: path, DOCUMENT_FOLDER: dirname(path), DOCUMENT_RUN: host.run.slug },
      stdin: content,
    });
    if (ended.exitCode !== 0) throw exitFailure(`writing ${path}`, ended);
    return { file: spec.file, bytes: Buffer.byteLength(content) };
  },
});
