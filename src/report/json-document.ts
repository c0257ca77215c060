/** A long JSON document, written in pieces. */
import { type Document, documentOf, type TextSink } from "./text-sink.ts";

/** Items that become text at once. */
const batch = 100;

/** What `JSON.stringify(value, null, 2)` gives of plain data, and a newline; the text is never there as a whole. */
export function jsonDocument(value: object): Document {
  return documentOf((root, out) => {
    writeValue(root, 0, out);
    out.add("\n");
  }, value);
}

/** Objects and lists on the way to long lists are opened; whatever is short is left to `JSON.stringify`. */
function writeValue(value: unknown, depth: number, out: TextSink): void {
  if (!isLong(value)) {
    out.add(textAt(value, depth));
    return;
  }
  const newline = `\n${"  ".repeat(depth + 1)}`;
  let before = newline;
  if (Array.isArray(value)) {
    out.add("[");
    for (let at = 0; at < value.length; at += batch) {
      // The items of a list, without its brackets and what stands between them and the items.
      const list = textAt(value.slice(at, at + batch), depth);
      out.add(before + list.slice("[".length + newline.length, -(newline.length - "  ".length + "]".length)));
      before = `,${newline}`;
    }
    out.add(`\n${"  ".repeat(depth)}]`);
    return;
  }
  out.add("{");
  for (const [name, each] of Object.entries(value as object)) {
    if (each === undefined) continue;
    out.add(`${before}${JSON.stringify(name)}: `);
    writeValue(each, depth + 1, out);
    before = `,${newline}`;
  }
  out.add(`\n${"  ".repeat(depth)}}`);
}

/** A list longer than a batch, or an object with one somewhere in it that lists do not hold. */
function isLong(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > batch;
  return value !== null && typeof value === "object" && Object.values(value).some(isLong);
}

/** The text of a value that stands `depth` levels deep: inside of as many lists, whose own text is taken off. */
function textAt(value: unknown, depth: number): string {
  let nested = value;
  for (let level = 0; level < depth; level++) nested = [nested];
  const text = JSON.stringify(nested, null, 2);
  // For two levels, `[⏎  [⏎    ` before it and `⏎  ]⏎]` behind it.
  return text.slice(depth * (depth + 1 + "[\n".length), text.length - depth * (depth - 1 + "\n]".length));
}
