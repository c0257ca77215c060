/**
 * Splits JSON objects or lists that are printed one after the other, each over several lines, as `fly logs --json`
 * does. Returns null when the text is something else or ends in the middle of one.
 */
export function jsonDocuments(source: string): unknown[] | null {
  const documents: unknown[] = [];
  let start = -1;
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < source.length; index += 1) {
    const char = source[index]!;
    if (quoted) {
      if (char === "\\") index += 1;
      else if (char === '"') quoted = false;
    } else if (char === "{" || char === "[") {
      if (depth === 0) start = index;
      depth += 1;
    } else if (depth === 0) {
      if (!/\s/.test(char)) return null;
    } else if (char === '"') {
      quoted = true;
    } else if (char === "}" || char === "]") {
      depth -= 1;
      if (depth > 0) continue;
      try {
        documents.push(JSON.parse(source.slice(start, index + 1)));
      } catch {
        return null;
      }
    }
  }
  return depth === 0 ? documents : null;
}
