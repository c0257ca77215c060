/** Regular expressions in linear time: RE2 syntax (https://github.com/google/re2/wiki/Syntax), no look-around, no back references. */
import { RE2JS } from "re2js";

const memo = new Map<string, RE2JS | string>();

/** The compiled pattern, or why it is none. */
export function compileRegex(pattern: string): RE2JS | string {
  let compiled = memo.get(pattern);
  if (compiled === undefined) {
    if (memo.size >= 200) memo.clear();
    compiled = compileNow(pattern);
    memo.set(pattern, compiled);
  }
  return compiled;
}

function compileNow(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (/\(\?<?[=!]/.test(pattern)) return "look-ahead and look-behind do not exist here";
    if (/\\[1-9]/.test(pattern)) return "back references do not exist here";
    return error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : "it cannot be read";
  }
}
