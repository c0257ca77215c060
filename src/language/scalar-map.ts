/**
 * Maps positions in the decoded text of a YAML scalar back to the file: `map[i]` is the offset of decoded UTF-16 unit
 * `i`, `map[length]` the end. Follows YAML 1.2.2 §6.5 (line folding), §7.3 (flow scalars), §8.1 (block scalars). The
 * result is compared with the value the parser found; a difference gives null and the caller uses the scalar's start.
 */

export type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded";

interface Decoded {
  readonly text: string;
  readonly map: readonly number[];
}

export function mapScalar(
  file: string,
  start: number,
  end: number,
  style: ScalarStyle,
  value: string,
): readonly number[] | null {
  if (style === "literal" || style === "folded") return mapBlock(file, start, end, style, value);
  const decoded = style === "plain" ? decodeFlow(file, start, end, style) : decodeFlow(file, start + 1, end - 1, style);
  return decoded.text === value ? decoded.map : null;
}

const escapes: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "/": "/",
  "\\": "\\",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};
const hexLength: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function decodeFlow(file: string, start: number, end: number, style: "plain" | "single" | "double"): Decoded {
  let text = "";
  const map: number[] = [];
  // Blanks after this length came unescaped at the end of the current line and vanish when the line is folded.
  let keep = 0;
  const emit = (chars: string, at: number) => {
    for (let k = 0; k < chars.length; k++) map.push(at);
    text += chars;
  };
  let i = start;
  while (i < end) {
    const ch = file[i]!;
    if (ch === "\n" || ch === "\r") {
      text = text.slice(0, keep);
      map.length = keep;
      const at = i;
      let breaks = 0;
      while (i < end && /[ \t\r\n]/.test(file[i]!)) {
        if (file[i] === "\n") breaks++;
        i++;
      }
      emit(breaks === 1 ? " " : "\n".repeat(Math.max(0, breaks - 1)), at);
      keep = text.length;
    } else if (style === "single" && ch === "'" && file[i + 1] === "'") {
      emit("'", i);
      keep = text.length;
      i += 2;
    } else if (style === "double" && ch === "\\") {
      const next = file[i + 1] ?? "";
      const width = hexLength[next];
      if (next === "\n" || next === "\r") {
        // An escaped line break joins the lines; blanks before it stay.
        i += next === "\r" && file[i + 2] === "\n" ? 3 : 2;
        while (i < end && (file[i] === " " || file[i] === "\t")) i++;
      } else if (width !== undefined) {
        const code = Number.parseInt(file.slice(i + 2, i + 2 + width), 16);
        emit(Number.isNaN(code) || code > 0x10ffff ? "" : String.fromCodePoint(code), i);
        i += 2 + width;
      } else {
        emit(escapes[next] ?? next, i);
        i += 2;
      }
      keep = text.length;
    } else {
      emit(ch, i);
      if (ch !== " " && ch !== "\t") keep = text.length;
      i++;
    }
  }
  map.push(end);
  return { text, map };
}

function mapBlock(
  file: string,
  start: number,
  end: number,
  style: "literal" | "folded",
  value: string,
): readonly number[] | null {
  const headerEnd = file.indexOf("\n", start);
  if (headerEnd === -1 || headerEnd >= end) return null;
  const lines: { text: string; at: number }[] = [];
  for (let at = headerEnd + 1; at < end; ) {
    const newline = file.indexOf("\n", at);
    const lineEnd = newline === -1 || newline >= end ? end : newline;
    const text = file.slice(at, lineEnd);
    lines.push({ text: text.endsWith("\r") ? text.slice(0, -1) : text, at });
    at = lineEnd + 1;
  }
  const first = lines.find((line) => /[^ ]/.test(line.text));
  const widest = first === undefined ? 0 : first.text.length - first.text.trimStart().length;
  // With an indentation indicator the first line may be indented more than the block; the value decides.
  for (let indent = widest; indent >= 0; indent--) {
    const decoded = style === "literal" ? decodeLiteral(lines, indent) : decodeFolded(lines, indent);
    if (decoded.text.startsWith(value) && /^\n*$/.test(decoded.text.slice(value.length))) {
      return decoded.map.slice(0, value.length + 1);
    }
  }
  return null;
}

function decodeLiteral(lines: readonly { text: string; at: number }[], indent: number): Decoded {
  let text = "";
  const map: number[] = [];
  let last = 0;
  for (const line of lines) {
    const content = line.text.slice(indent);
    const skipped = line.text.length - content.length;
    for (let k = 0; k <= content.length; k++) map.push(line.at + skipped + k);
    text += `${content}\n`;
    last = line.at + line.text.length;
  }
  map.push(last);
  return { text, map };
}

function decodeFolded(lines: readonly { text: string; at: number }[], indent: number): Decoded {
  let text = "";
  const map: number[] = [];
  const emit = (chars: string, at: number) => {
    for (let k = 0; k < chars.length; k++) map.push(at);
    text += chars;
  };
  let breaks = 0;
  let breakAt = 0;
  let previous: "none" | "text" | "spaced" = "none";
  for (const line of lines) {
    const content = line.text.slice(indent);
    const contentAt = line.at + line.text.length - content.length;
    if (content.trim() === "" && !/^[ \t]/.test(content)) {
      breaks++;
      continue;
    }
    const kind = /^[ \t]/.test(content) ? "spaced" : "text";
    if (previous === "none") emit("\n".repeat(breaks), breakAt);
    else if (previous === "text" && kind === "text") emit(breaks === 0 ? " " : "\n".repeat(breaks), breakAt);
    else emit("\n".repeat(breaks + 1), breakAt);
    for (let k = 0; k < content.length; k++) emit(content[k]!, contentAt + k);
    previous = kind;
    breaks = 0;
    breakAt = line.at + line.text.length;
  }
  emit("\n".repeat(breaks + 1), breakAt);
  map.push(breakAt);
  return { text, map };
}
