/** Commands that call `runbook` in the text of a shell script, as words: quotes taken off, redirections and pipes left out. */
export function runbookCommands(script: string): string[][] {
  const lines = script.replace(/\\\n/g, " ").split("\n");
  return lines
    .flatMap((line) => commandsOf(line))
    .flatMap((words) => {
      const at = words.findIndex((word) => word === "runbook" || word.endsWith("bin/runbook.cjs"));
      const leading = words.slice(0, Math.max(0, at));
      return at < 0 || !leading.every((word) => ["npx", "node", "--no-install"].includes(word))
        ? []
        : [words.slice(at + 1)];
    });
}

/** Simple commands of one line. */
function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token = ""] of line.matchAll(/[|&;]+|\d?>>?\s*(?:"[^"]*"|\S+)|(?:"[^"]*"|'[^']*'|[^\s"'|&;>])+|#.*$/g)) {
    if (token.startsWith("#")) break;
    if (/^[|&;]+$/.test(token)) commands.push([]);
    else if (!/^\d?>/.test(token)) commands.at(-1)?.push(token.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
  }
  return commands.filter((words) => words.length > 0);
}
