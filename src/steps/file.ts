/** What is at a path: its size, age and digest, never its content. */
import { resolve } from "node:path";
import { readFileFacts } from "./probes.ts";
import { choice, closed, nullable, result, text, truth, whole } from "./schema.ts";
import { defineStepType, StepFailure } from "./step-type.ts";

interface FileSpec {
  readonly path: string;
  readonly expect?: "present" | "absent";
}

interface FileResult {
  readonly exists: boolean;
  readonly kind: "none" | "file" | "directory" | "other";
  readonly bytes: number;
  readonly ageSeconds: number | null;
  readonly modifiedAt: string | null;
  readonly sha256: string | null;
}

export const file = defineStepType<FileSpec, FileResult>({
  type: "file",
  summary: "Reads size, age and digest of a file. Fails when it is missing, or with `expect: absent` when it is there.",
  docs: "https://pubs.opengroup.org/onlinepubs/9799919799/functions/stat.html",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      path: text("Path, relative to the step's working directory.", { minLength: 1 }),
      expect: choice("What is right, default `present`.", {
        present: "The file is there (default).",
        absent: "There is no such file.",
      }),
    },
    ["path"],
  ),
  examples: [{ path: "backups/latest.dump" }, { path: "maintenance.lock", expect: "absent" }],
  result: result({
    exists: truth("Whether something is there."),
    kind: text("`file`, `directory`, `other`, or `none`."),
    bytes: whole("Size in bytes; 0 when nothing is there."),
    ageSeconds: nullable(whole("Seconds since it was last written.")),
    modifiedAt: nullable(text("When it was last written, RFC 3339.")),
    sha256: nullable(text("SHA-256 of its content in hexadecimal; null unless it is a regular file.")),
  }),
  stepKeys: ["cwd"],
  action: (spec) => ({
    text: `look at ${spec.path}${spec.expect === "absent" ? ", which must not be there" : ""}`,
    argv: null,
  }),
  async run(spec, host) {
    const path = resolve(host.files.workDir, spec.path);
    const found = await readFileFacts(path, host.signal);
    const seen: FileResult =
      found === null
        ? { exists: false, kind: "none", bytes: 0, ageSeconds: null, modifiedAt: null, sha256: null }
        : {
            exists: true,
            kind: found.kind,
            bytes: found.bytes,
            ageSeconds: Math.floor((host.clock.now().getTime() - found.modifiedAt.getTime()) / 1_000),
            modifiedAt: found.modifiedAt.toISOString(),
            sha256: found.sha256,
          };
    const expected = (spec.expect ?? "present") === "present";
    if (seen.exists === expected) return seen;
    throw new StepFailure(
      "failed",
      expected ? "file-missing" : "file-present",
      expected ? `There is nothing at ${path}.` : `${path} is there, but should not be.`,
      { facts: { path }, result: seen },
    );
  },
});
