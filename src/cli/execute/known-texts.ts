/** Texts that are public already: a value that occurs in one of them is refused as a secret. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { readSealedText } from "../../host/sealed-run.ts";
import type { JsonObject } from "../../util/json.ts";
import type { ExecutorRequest } from "../start/executor-request.ts";

/** The sealed runbook, its includes and files, which become evidence as they are; the target; the plain inputs. */
export function knownTexts(
  runDir: string,
  request: ExecutorRequest,
  target: JsonObject,
): { readonly where: string; readonly text: string }[] {
  const inputs = (request.start?.inputs ?? []).filter((input) => !input.sensitive);
  return [
    ...["runbook.yaml", "includes", "files"]
      .flatMap((name) => sealedNames(runDir, name))
      .map((name) => ({
        where: name === "runbook.yaml" ? "the runbook" : `the sealed file ${name}`,
        text: readSealedText(runDir, name),
      })),
    { where: "the target", text: JSON.stringify({ ...target, fly: null, url: null }) },
    ...inputs.map((input) => ({ where: `the input ${input.name}`, text: JSON.stringify(input.value ?? null) })),
  ];
}

function sealedNames(runDir: string, name: string): string[] {
  const path = join(runDir, name);
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [name];
  return readdirSync(path)
    .sort()
    .flatMap((entry) => sealedNames(runDir, `${name}/${entry}`));
}
