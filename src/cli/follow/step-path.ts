/** A step as a person names it → its path. */
import { closest } from "../../util/closest.ts";
import { UsageError } from "../errors.ts";

/** A full path, or an end of it that only one step has. `next` gives the command for the path that was meant, if one is near. */
export function stepPathOf(
  paths: readonly string[],
  word: string,
  owner: string,
  next: (path: string | undefined) => string,
): string {
  if (paths.includes(word)) return word;
  const [found, ...more] = paths.filter((path) => path.endsWith(`.${word}`));
  if (found !== undefined && more.length === 0) return found;
  if (found !== undefined) {
    throw new UsageError(`"${word}" fits ${[found, ...more].join(", ")}; write the whole path`, next(found));
  }
  const near = closest(word, paths) ?? paths.find((path) => closest(word, [path.split(".").at(-1) ?? path]));
  const hint = near ? `. Did you mean "${near}"?` : `: ${paths.join(", ")}`;
  throw new UsageError(`${owner} has no step "${word}"${hint}`, next(near));
}
