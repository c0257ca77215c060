import { describe, expect, test } from "vitest";
import { markdownCode, markdownProseCode, markdownText, mermaidLabel, relativeUrl } from "../../src/report/inert.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { reportView } from "../../src/report/view.ts";
import { runSaying } from "../rig/hostile-run.ts";
import { hostileTexts } from "../rig/hostile-text.ts";

function report(text: string): string {
  const builder = runSaying(text);
  return renderMarkdown(reportView(builder.fold(), { runbookYaml: text, config: { target: { text } } }));
}

/** Lines outside fenced blocks as CommonMark finds them, and how many blocks there are. */
function outsideFences(markdown: string): { lines: string[]; fences: number } {
  const lines: string[] = [];
  let fences = 0;
  let open: string | null = null;
  for (const line of markdown.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (open === null && mark !== undefined) {
      open = mark;
      fences++;
    } else if (open !== null && mark?.startsWith(open) && line.trim() === mark) open = null;
    else if (open === null) lines.push(line);
  }
  expect(open).toBeNull();
  return { lines, fences };
}

/** Takes code spans out as CommonMark finds them: a run of back-ticks up to the next run of the same length. */
function withoutCode(line: string): string {
  return line.replace(/(?<![\\`])(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, "CODE");
}

const columns = (line: string) => line.replace(/\\\|/g, "").split("|").length;

const plain = outsideFences(report("x"));

describe("whatever is printed", () => {
  test("there are many kinds of it", () => {
    expect(hostileTexts.length).toBeGreaterThanOrEqual(150);
  });

  test.each(hostileTexts)("%s stays inert in the report", (_, text) => {
    const markdown = report(text);
    expect(markdown).not.toMatch(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/,
    );
    expect(Buffer.from(markdown, "utf8").toString("utf8")).toBe(markdown);
    expect(markdown).not.toMatch(/^\s*::|##\[/m);
    const { lines, fences } = outsideFences(markdown);
    expect(fences).toBe(plain.fences);
    expect(lines.length).toBe(plain.lines.length);
    for (const [index, line] of lines.entries()) {
      const expected = plain.lines[index] as string;
      expect(/^(#+ |\||$)?/.exec(line)?.[1]).toBe(/^(#+ |\||$)?/.exec(expected)?.[1]);
      if (line.startsWith("|")) expect(columns(line), line).toBe(columns(expected));
      const prose = withoutCode(line).replace(
        /\[(?:CODE|#\d+|\\.|[^\]\\])+\]\((?:journal\.ndjson#L\d+|#[a-z0-9_-]+|[A-Za-z0-9/._%-]+)\)/g,
        "LINK",
      );
      expect(prose, line).not.toMatch(/<|:\/\/|(?<![\w])@\w|www\./);
      expect(prose, line).not.toMatch(/(?<!&)#\d(?!\d*;)|GH-\d/);
      expect(prose, line).not.toMatch(/(?<!\\)(\]\(|!\[)/);
    }
  });

  test("the same record gives the same bytes", () => {
    expect(report("x | y")).toBe(report("x | y"));
  });
});

test("text in a cell", () => {
  expect(markdownText("a|b *c* <d> snake_case @me #12 see http://x.y")).toBe(
    "a&#124;b \\*c\\* &lt;d&gt; snake_case `@me` `#12` see `http://x.y`",
  );
  expect(markdownText("- item")).toBe("\\- item");
  expect(markdownText("a\nb")).toBe("a ⏎ b");
});

test("inline code", () => {
  expect(markdownCode("a`b")).toBe("``a`b``");
  expect(markdownCode("`a`")).toBe("`` `a` ``");
  expect(markdownCode("a|b")).toBe("`a\\|b`");
  expect(markdownProseCode("a|b")).toBe("`a|b`");
  expect(markdownCode("")).toBe("*empty*");
  expect(markdownCode("user\u202eexe")).toBe("`user\\u202eexe`");
});

test("links stay inside the run directory", () => {
  expect(relativeUrl("logs/a b.log")).toBe("logs/a%20b.log");
  expect(relativeUrl("javascript:x")).toBe("javascript%3Ax");
  for (const path of ["/etc/passwd", "../x", "a/../../x", "//host/x", ""]) expect(relativeUrl(path)).toBeNull();
});

test("labels of a chart hold nothing that ends or starts a statement", () => {
  expect(mermaidLabel('1 a: b; c # d\n"click" {x}')).toBe("1 a b c d click x");
});
