/**
 * Text → runbook. Reports every problem it finds in one pass, sorted by position, and never throws: a text that is not
 * well-formed gives the first error of its syntax, a wrong shape one diagnostic per mistake, and what can be checked
 * beyond that is checked all the same.
 */
import type { Catalogue } from "../steps/step-type.ts";
import { isObject } from "../util/json.ts";
import type { Config, EvidenceDefaults } from "./config.ts";
import { diagnoseSchema } from "./diagnose-schema.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { nameOfFile } from "./file-name.ts";
import { Findings } from "./findings.ts";
import { looksLike } from "./foreign.ts";
import { lintRunbook } from "./lint/lint.ts";
import { normalizeRunbook } from "./normalize.ts";
import type { Runbook } from "./runbook.ts";
import { runbookValidator } from "./schema/validators.ts";
import { collectFiles, type FilesBeside } from "./sealed-files.ts";
import type { Source } from "./source.ts";
import { readYaml } from "./yaml.ts";

export interface LoadOptions {
  /** As the user named it; positions and messages use it. */
  readonly file: string;
  readonly text: string;
  readonly catalogue: Catalogue;
  /** The project file; without it targets, windows, approvers and policy are not checked. */
  readonly config?: Config | undefined;
  /** The text of `runbooks/NAME.yaml` for `uses: runbook/NAME`; null when there is none. */
  readonly readInclude?: (name: string) => IncludedText | null;
  /** Defaults of `evidence` when no project file is given: a sealed runbook is read with those it was sealed with. */
  readonly evidence?: EvidenceDefaults | undefined;
  /** Looks for the files beside the runbook; without it a missing one is not told. */
  readonly beside?: FilesBeside | undefined;
  /** The text was found valid before, and a digest says that it is that text: it is read and not judged again. */
  readonly isProven?: boolean;
}

export interface IncludedText {
  readonly path: string;
  readonly text: string;
}

export interface LoadedRunbook {
  /** Null when there is any error. */
  readonly runbook: Runbook | null;
  readonly source: Source;
  /** By file and position; those of included runbooks name their own file. */
  readonly diagnostics: readonly Diagnostic[];
  /** Every runbook read through `readInclude`, each once, in order of first use. */
  readonly includes: readonly { readonly path: string; readonly text: string; readonly source: Source }[];
  /** Scripts, SQL and templates it refers to, included runbooks' too: relative to the runbook's folder. */
  readonly files: readonly string[];
}

/** Characters at the start of a text by which a file of another tool is recognised. */
const recognised = 65_536;

/** Nested deeper than this nobody follows a procedure. */
const deepestInclude = 8;

export function loadRunbook(options: LoadOptions): LoadedRunbook {
  const findings = new Findings();
  const loader = new Loader(options, findings);
  const loaded = loader.load(options.file, options.text, [nameOfFile(options.file)]);
  return {
    runbook: findings.hasErrors ? null : loaded.runbook,
    source: loaded.source,
    diagnostics: findings.sorted(),
    includes: [...loader.includes.values()],
    files: [...loader.files],
  };
}

interface Loaded {
  readonly source: Source;
  /** Best effort: also of a text with errors, null when nothing can be read. */
  readonly runbook: Runbook | null;
}

class Loader {
  readonly includes = new Map<string, { path: string; text: string; source: Source }>();
  readonly files = new Set<string>();
  readonly #options: LoadOptions;
  readonly #findings: Findings;
  readonly #loaded = new Map<string, Runbook | null>();

  constructor(options: LoadOptions, findings: Findings) {
    this.#options = options;
    this.#findings = findings;
  }

  load(file: string, text: string, stack: readonly string[]): Loaded {
    const { catalogue, config, evidence = config?.evidence, isProven = false } = this.#options;
    const findings = new Findings();
    const source = readYaml(file, text, findings);
    const foreign = looksLike(source.data, text.slice(0, recognised));
    if (foreign !== null) {
      this.#findings.error("not-a-runbook", { file, range: firstLine(text) }, `This looks like ${foreign}.`, {
        hint: "A runbook begins with apiVersion: runbook/v1 and needs name, version, title, owner, kind, description and steps; `runbook new` writes one.",
      });
      return { source, runbook: null };
    }
    if (source.data === undefined || !isObject(source.data)) {
      if (source.data === null)
        findings.error("empty-file", { file, range: { start: 0, end: 0 } }, "The file is empty.", {
          hint: "`runbook new` writes a runbook to begin with.",
        });
      else if (source.data !== undefined)
        findings.error(
          "not-a-runbook",
          { file, range: firstLine(text) },
          `The file holds ${Array.isArray(source.data) ? "a list" : "one value"}, not a runbook.`,
          { hint: "A runbook is a map that begins with apiVersion: runbook/v1." },
        );
      this.#findings.addAll(findings.sorted());
      return { source, runbook: null };
    }
    if (!isProven) diagnoseSchema(runbookValidator(catalogue), source, findings);
    const include = (name: string, pointer: string) => this.#include(name, source, pointer, stack, findings);
    const runbook = normalizeRunbook(source.data, { catalogue, config, evidence, source, findings, include });
    for (const path of collectFiles(runbook, catalogue, source, findings, this.#options.beside)) this.files.add(path);
    if (!isProven) lintRunbook({ runbook, source, catalogue, config, findings });
    this.#findings.addAll(findings.sorted());
    return { source, runbook };
  }

  #include(
    name: string,
    source: Source,
    pointer: string,
    stack: readonly string[],
    findings: Findings,
  ): Runbook | null {
    if (stack.includes(name)) {
      const chain = [...stack.slice(stack.indexOf(name)), name].join(" → ");
      findings.error("include-cycle", source.at(pointer), `The runbook includes itself: ${chain}.`, {
        hint: "Move the common steps into a runbook of their own.",
      });
      return null;
    }
    if (stack.length > deepestInclude) {
      findings.error("include-cycle", source.at(pointer), `Runbooks are nested deeper than ${deepestInclude}.`, {
        hint: "Call them one after the other instead.",
      });
      return null;
    }
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const read = this.#options.readInclude?.(name) ?? null;
    if (read === null) {
      findings.error("unknown-runbook", source.at(pointer), `There is no runbook "${name}".`, {
        hint: `It would be runbooks/${name}.yaml; \`runbook list\` shows what there is.`,
      });
      return null;
    }
    const loaded = this.load(read.path, read.text, [...stack, name]);
    this.includes.set(name, { ...read, source: loaded.source });
    this.#loaded.set(name, loaded.runbook);
    return loaded.runbook;
  }
}

function firstLine(text: string): { start: number; end: number } {
  const line = /^(?!\s*#|---\s*$)[^\r\n]*\S[^\r\n]*/m.exec(text);
  return line === null ? { start: 0, end: 0 } : { start: line.index, end: line.index + line[0].length };
}
