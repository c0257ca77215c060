/** Reads the project's own documents: which there are, their headings, links and fenced blocks. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Block {
  /** Words after the fence: the language first. */
  readonly info: readonly string[];
  readonly text: string;
  /** Of the line behind the opening fence, 1-based. */
  readonly line: number;
}

export interface Link {
  readonly href: string;
  /** 1-based. */
  readonly line: number;
}

export interface Document {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** Anchors as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  /** Text in back-ticks outside fenced blocks. */
  readonly code: readonly { readonly text: string; readonly line: number }[];
}

/** Markdown files written by hand: at the top, in `docs/` and in `sandbox/`. */
export function documents(): Document[] {
  const paths = [
    ...readdirSync(root).filter((name) => name.endsWith(".md")),
    ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name.replaceAll("\\", "/")}`),
    "sandbox/README.md",
  ];
  return paths.sort().map(readDocument);
}

export function readDocument(path: string): Document {
  const text = readFileSync(join(root, path), "utf8");
  const blocks: Block[] = [];
  const links: Link[] = [];
  const anchors = new Set<string>();
  const code: { text: string; line: number }[] = [];
  const seen = new Map<string, number>();
  let fence: { mark: string; info: string[]; from: number; lines: string[] } | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const mark = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(line);
    if (fence !== null) {
      if (mark !== null && (mark[1] ?? "").startsWith(fence.mark) && mark[2] === "") {
        blocks.push({ info: fence.info, text: `${fence.lines.join("\n")}\n`, line: fence.from });
        fence = null;
      } else fence.lines.push(line);
      continue;
    }
    if (mark !== null) {
      fence = { mark: mark[1] ?? "", info: (mark[2] ?? "").split(/\s+/), from: index + 2, lines: [] };
      continue;
    }
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line);
    if (heading !== null) {
      const anchor = anchorOf(heading[1] ?? "");
      const before = seen.get(anchor) ?? 0;
      seen.set(anchor, before + 1);
      anchors.add(before === 0 ? anchor : `${anchor}-${before}`);
    }
    for (const [, span = ""] of line.matchAll(/`([^`]+)`/g)) code.push({ text: span, line: index + 1 });
    const prose = line.replace(/`[^`]*`/g, "");
    for (const [, href = ""] of prose.matchAll(/\]\(<?([^()\s>]+)>?\)/g)) links.push({ href, line: index + 1 });
  }
  if (fence !== null) throw new Error(`${path}:${fence.from - 1} opens a fence that nothing closes`);
  return { path, text, blocks, links, anchors, code };
}

/** GitHub's anchor of a heading: lower case, punctuation dropped, blanks to hyphens. */
function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
}
