/** Completion scripts: each asks `runbook __complete SHELL …` and shows what it answers. */
import { type Candidate, complete } from "./complete.ts";

const bash = `# bash completion of runbook and rbk. Add to ~/.bashrc:  source <(runbook completion bash)
_runbook_complete() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" __complete bash "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
complete -o default -F _runbook_complete runbook rbk
`;

const zsh = `#compdef runbook rbk
# zsh completion of runbook and rbk. Put it into a folder of $fpath as _runbook, or:  source <(runbook completion zsh)
_runbook() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then
    _describe -t values runbook found
  else
    _files
  fi
}
compdef _runbook runbook rbk
`;

const fish = `# fish completion of runbook and rbk. Save it as ~/.config/fish/completions/runbook.fish
function __runbook_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($before[1] __complete fish $before[2..-1] "$current" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c runbook -f -a '(__runbook_complete)'
complete -c rbk -f -a '(__runbook_complete)'
`;

export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };

/** Answers a script: `bash LINE`, or `zsh|fish WORDS…` of which the last is being completed. */
export async function answerScript(argv: readonly string[]): Promise<string> {
  const [shell, ...rest] = argv;
  if (shell === "bash") {
    const words = splitLine(rest[0] ?? "").slice(1);
    const candidates = await complete(words);
    return lines(candidates.map(({ value }) => afterBreak(value, words.at(-1) ?? "")));
  }
  const candidates = await complete(rest.length === 0 ? [""] : rest);
  if (shell === "zsh") return lines(candidates.map((item) => zshLine(item)));
  return lines(candidates.map(({ value, summary }) => (summary === "" ? value : `${value}\t${summary}`)));
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join("");
}

function zshLine({ value, summary }: Candidate): string {
  const name = value.replaceAll(":", "\\:");
  return summary === "" ? name : `${name}:${summary}`;
}

/** bash ends a word at `=` and `:` and replaces only what follows the last one. */
function afterBreak(value: string, current: string): string {
  const at = Math.max(current.lastIndexOf("="), current.lastIndexOf(":"));
  const typed = current.slice(0, at + 1);
  return value.startsWith(typed) ? value.slice(typed.length) : value;
}

/** Words of a command line as far as it is typed; quotes group, a line that ends in a blank has an empty last word. */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (quote === "'" ? char === "'" : quote === '"' && char === '"') quote = null;
    else if (char === "\\" && quote !== "'") word += line[++at] ?? "";
    else if (quote !== null) word += char;
    else if (char === "'" || char === '"') quote = char;
    else if (/\s/.test(char)) {
      if (at > 0 && !/\s/.test(line[at - 1] as string)) words.push(word);
      word = "";
    } else word += char;
  }
  return [...words, word];
}
