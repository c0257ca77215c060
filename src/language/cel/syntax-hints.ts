/** What people write when they come from a shell, Python, JavaScript or a template language. */

interface Trap {
  readonly test: (text: string, at: number) => boolean;
  readonly hint: string;
}

/** The first that fits counts. */
const traps: readonly Trap[] = [
  { test: (text) => /^\s*\$?\{\{/.test(text), hint: "This is an expression already: leave out ${{ and }}." },
  {
    test: (text, at) => text.startsWith("===", at - 2) || text.startsWith("!==", at - 2),
    hint: "Equal is ==, different is !=.",
  },
  { test: (text, at) => text.startsWith("=>", at), hint: "Write list.all(x, x.ok), with a comma." },
  { test: (text, at) => text.startsWith("=~", at), hint: 'Write text.matches("…").' },
  { test: (text, at) => text[at] === "=", hint: "To compare, write ==." },
  { test: (text, at) => text[at] === "&", hint: "And is &&." },
  { test: (text, at) => text[at] === "|", hint: "Or is ||; there are no pipes." },
  { test: (text, at) => word(text, at) === "and" || wordBefore(text, at) === "and", hint: "And is &&." },
  { test: (text, at) => word(text, at) === "or" || wordBefore(text, at) === "or", hint: "Or is ||." },
  {
    test: (text, at) => word(text, at) === "not" || wordBefore(text, at) === "not",
    hint: "Not is !, as in !x or x != y.",
  },
  {
    test: (text, at) => word(text, at) === "is" || wordBefore(text, at) === "is",
    hint: "To compare, write ==, as in x == null.",
  },
  {
    test: (text, at) => text[at] === "$",
    hint: "Names have no $: write inputs.reason, target.app, steps.deploy.outputs.image.",
  },
  {
    test: (text, at) => text.startsWith("?", at) && text[at - 1] === "?",
    hint: "There is no ??: write x != null ? x : y.",
  },
  {
    test: (text, at) => text[at] === "." && text[at - 1] === "?",
    hint: "There is no ?.: write x != null && x.y == …, or has(x.y).",
  },
  { test: (text, at) => text[at] === "?" && text[at - 1] === ".", hint: "There is no .?: write has(x.y)." },
  {
    test: (text, at) => text.slice(at).trim() === "" && /\?[^:]*$/.test(text),
    hint: 'YAML may have cut the text at ": ". Put the whole value in quotes or below `>-`.',
  },
  { test: (text, at) => text[at] === "`", hint: "Strings stand in \" or '." },
  { test: (text, at) => text[at] === "#", hint: "A comment inside an expression is // to the end of the line." },
  { test: (text, at) => text[at] === ";", hint: "An expression has no end mark; leave out the ;." },
  { test: (text, at) => text[at] === "%" && text[at + 1] === "}", hint: "This is an expression, not a template." },
];

/** The hint for a syntax error at an offset, if it is one of the known traps. */
export function syntaxHint(text: string, at: number): string | undefined {
  return traps.find((trap) => trap.test(text, at))?.hint;
}

function word(text: string, at: number): string {
  return /^\w+/.exec(text.slice(at))?.[0].toLowerCase() ?? "";
}

function wordBefore(text: string, at: number): string {
  return /(\w+)\s*$/.exec(text.slice(0, at))?.[1]?.toLowerCase() ?? "";
}
