/** YAML whose places nobody asks for, as plain data: a file of inputs, names for completion. */
import { parse } from "yaml";

/**
 * Aliases are off, as in runbooks. Throws the parser's error; with `isDraft` what could be read of a file that somebody is
 * still writing.
 */
export function parsePlainYaml(text: string, { isDraft = false } = {}): unknown {
  return parse(text, isDraft ? { maxAliasCount: 0, logLevel: "silent" } : { maxAliasCount: 0, stringKeys: true });
}
