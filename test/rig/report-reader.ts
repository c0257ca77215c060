/** Reads a report as its readers do: headings, tables, paragraphs and blocks, the same from Markdown and from HTML. */

export interface Section {
  /** Text of the heading; that of the first is the title. */
  readonly heading: string;
  /** Rows of cells; the first row of each is its head. */
  readonly tables: string[][][];
  readonly paragraphs: string[];
  readonly blocks: string[];
}

const section = (heading: string): Section => ({ heading, tables: [], paragraphs: [], blocks: [] });

export function readMarkdown(report: string): Section[] {
  const sections: Section[] = [];
  let fence: { mark: string; lines: string[] } | null = null;
  let inTable = false;
  for (const line of report.split("\n")) {
    const here = sections.at(-1);
    if (fence !== null) {
      if (line === fence.mark) {
        here?.blocks.push(fence.lines.join("\n"));
        fence = null;
      } else fence.lines.push(line);
      continue;
    }
    const mark = /^(`{3,})/.exec(line)?.[1];
    const heading = /^#{1,3} (.*)$/.exec(line)?.[1];
    const isRow = line.startsWith("|");
    if (mark !== undefined) fence = { mark, lines: [] };
    else if (heading !== undefined) sections.push(section(plainMarkdown(heading)));
    else if (isRow && !/^\|(?:-+\|)+$/.test(line)) {
      if (!inTable) here?.tables.push([]);
      here?.tables.at(-1)?.push(
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map(plainMarkdown),
      );
    } else if (!isRow && line !== "") here?.paragraphs.push(plainMarkdown(line));
    inTable = isRow;
  }
  return sections;
}

export function readHtml(page: string): Section[] {
  const sections: Section[] = [];
  const body = page.slice(page.indexOf("<body>"));
  for (const [, level, heading, table, pre, p] of body.matchAll(
    /<h([123])[^>]*>(.*?)<\/h[123]>|<table[^>]*>(.*?)<\/table>|<pre>(.*?)<\/pre>|<p>(.*?)<\/p>/gs,
  )) {
    const here = sections.at(-1);
    if (level !== undefined) sections.push(section(plainHtml(heading ?? "")));
    else if (table !== undefined) {
      const rows = [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = ""]) =>
        [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell = ""]) => plainHtml(cell)),
      );
      const hasHead = !/<td/.test(/<tr>.*?<\/tr>/s.exec(table)?.[0] ?? "");
      here?.tables.push(hasHead ? rows : [[], ...rows]);
    } else if (pre !== undefined) here?.blocks.push(plainHtml(pre));
    else here?.paragraphs.push(plainHtml(p ?? ""));
  }
  return sections;
}

/** Text of a row's cell in the section of this heading: the row has `key` in some cell, the column has `column` as head. */
export function cellOf(sections: readonly Section[], heading: string, key: string, column?: string): string {
  for (const { tables } of sections.filter((item) => item.heading === heading)) {
    for (const [head = [], ...rows] of tables) {
      const at = column === undefined ? 1 : head.indexOf(column);
      const row = rows.find((cells) => cells.includes(key));
      if (row !== undefined && at >= 0) return row[at] ?? "";
    }
  }
  throw new Error(`no row ${key}${column === undefined ? "" : ` with a column ${column}`} in the section ${heading}`);
}

/** The first paragraph of the section that begins so, without the beginning. */
export function paragraphOf(sections: readonly Section[], heading: string, begins: string): string {
  const found = sections
    .filter((item) => item.heading === heading)
    .flatMap(({ paragraphs }) => paragraphs.filter((text) => text.startsWith(begins)));
  if (found[0] === undefined) throw new Error(`no paragraph "${begins}…" in the section ${heading}`);
  return found[0].slice(begins.length).trim();
}

function entities(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

function plainHtml(text: string): string {
  return entities(text.replace(/<[^>]+>/g, "")).trim();
}

function plainMarkdown(text: string): string {
  return entities(
    text
      .replace(/(?<!\\)\[((?:\\.|[^\]\\])*)\]\([^)]*\)/g, "$1")
      .replace(/\*\*|`/g, "")
      .replace(/\\([!-/:-@[-`{-~])/g, "$1"),
  ).trim();
}
