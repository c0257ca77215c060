/** Random damage to texts, the same for the same seed. */

/** Mulberry32: small, seeded, good enough to choose mutations. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const pieces = [
  "{{",
  "}}",
  "${{",
  ": ",
  " #",
  "\t",
  "- ",
  "!x ",
  "&a ",
  "*a",
  "[",
  "]",
  "{",
  "}",
  "'",
  '"',
  "|",
  ">",
  "\n",
  "\n  ",
  "null",
  "1e400",
  "__proto__: 1\n",
  "<<: x\n",
  "? ",
  "steps.",
  "inputs.",
  ".all(x, x)",
  "\0",
  "\u202e",
  "🂡",
  "%",
  "@",
  "`",
  ",",
  "\\",
];

/** One to three slips, pastes and cuts, chosen by `next`. */
export function mutate(text: string, next: () => number): string {
  let out = text;
  const times = 1 + Math.floor(next() * 3);
  for (let i = 0; i < times; i++) {
    const at = Math.floor(next() * out.length);
    const length = Math.floor(next() * 30);
    const piece = pieces[Math.floor(next() * pieces.length)]!;
    const lines = out.split("\n");
    const line = Math.floor(next() * lines.length);
    switch (Math.floor(next() * 6)) {
      case 0:
        out = out.slice(0, at) + out.slice(at + length);
        break;
      case 1:
        out = out.slice(0, at) + piece + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + piece + out.slice(at + length);
        break;
      case 3:
        lines.splice(line, 1);
        out = lines.join("\n");
        break;
      case 4:
        lines.splice(line, 0, lines[Math.floor(next() * lines.length)]!);
        out = lines.join("\n");
        break;
      default:
        lines[line] = `${" ".repeat(Math.floor(next() * 6))}${lines[line]!.trimStart()}`;
        out = lines.join("\n");
    }
  }
  return out;
}
