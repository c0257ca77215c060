/** Every link of the documents leads somewhere, and nothing in them belongs to one machine. */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, readDocument, root } from "./markdown.ts";

const all = documents();

describe("the documents", () => {
  it("are there", () => {
    expect(all.map((document) => document.path)).toEqual(
      expect.arrayContaining([
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/adr/README.md",
        "docs/evidence-format.md",
        "docs/glossary.md",
        "docs/language.md",
        "docs/resume.md",
        "docs/security.md",
        "docs/tutorial.md",
      ]),
    );
    expect(all.flatMap((document) => document.links).length).toBeGreaterThan(60);
  });

  it.each(all.map((document) => [document.path, document] as const))("%s links to what exists", (_, document) => {
    const broken = document.links
      .filter(({ href }) => !/^(?:https?|mailto):/.test(href))
      .flatMap(({ href, line }) => {
        const [path = "", anchor] = href.split("#");
        const target = path === "" ? document.path : posix.join(posix.dirname(document.path), path);
        if (!existsSync(join(root, target))) return [`${document.path}:${line} → ${href}: there is no ${target}`];
        if (anchor === undefined || !target.endsWith(".md")) return [];
        const there = target === document.path ? document : readDocument(target);
        return there.anchors.has(anchor) ? [] : [`${document.path}:${line} → ${href}: ${target} has no such heading`];
      });
    expect(broken).toEqual([]);
  });

  it("are all reachable from the index or the README", () => {
    const linked = new Set(
      all.flatMap((document) =>
        document.links.map(({ href }) => posix.join(posix.dirname(document.path), href.split("#")[0] ?? "")),
      ),
    );
    const lost = all.map((document) => document.path).filter((path) => path !== "README.md" && !linked.has(path));
    expect(lost).toEqual([]);
  });

  it("name no path of one machine", () => {
    const found = all.flatMap(({ path, text }) =>
      text
        .split("\n")
        .flatMap((line, index) =>
          /(?:^|[\s"'`(=])\/(?:(?:home|root|Users|work)\b|tmp\/\w)/.test(line)
            ? [`${path}:${index + 1} ${line.trim()}`]
            : [],
        ),
    );
    expect(found).toEqual([]);
  });

  it("lists every decision record in its index, each with status, date and consequences", () => {
    const index = readDocument("docs/adr/README.md");
    const records = all.filter(({ path }) => /^docs\/adr\/\d{4}-/.test(path));
    expect(records.length).toBeGreaterThanOrEqual(8);
    for (const { path, text } of records) {
      expect(index.links.map(({ href }) => href)).toContain(posix.basename(path));
      expect(text, path).toMatch(/^# \d{4}\. /);
      expect(text, path).toMatch(/^- Status: (?:accepted|superseded by \[\d{4}\])/m);
      expect(text, path).toMatch(/^- Date: \d{4}-\d{2}-\d{2}$/m);
      for (const heading of ["Context", "Decision", "Consequences"]) expect(text, path).toContain(`\n## ${heading}\n`);
    }
  });

  it("gives every term of the glossary an Avoid line", () => {
    const { text } = readDocument("docs/glossary.md");
    const terms = text.split("\n### ").slice(1);
    expect(terms.length).toBeGreaterThanOrEqual(30);
    expect(terms.filter((term) => !/^\*Avoid:\* /m.test(term)).map((term) => term.split("\n")[0])).toEqual([]);
  });
});
