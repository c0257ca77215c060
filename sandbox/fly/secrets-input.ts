/**
 * What `fly secrets import` makes of its standard input (flyctl internal/command/secrets/parser.go), traps included:
 * a line that starts with `#` is skipped and an unquoted `#` cuts the value; surrounding double quotes go; blanks
 * before the value go; `"""` opens a value of several lines, closed by a line that ends in `"""`; one line without
 * `=` refuses everything. A value that is never closed is dropped without a word.
 */
export function parseSecretsInput(text: string): Map<string, string> {
  const secrets = new Map<string, string>();
  let open: { readonly name: string; value: string } | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (open !== null) {
      if (!line.endsWith('"""')) {
        open.value += `${line}\n`;
        continue;
      }
      secrets.set(open.name, open.value + line.slice(0, -3));
      open = null;
      continue;
    }
    if (line.startsWith("#") || line.trim() === "") continue;
    const at = line.indexOf("=");
    if (at < 0) throw new Error(`Secrets must be provided as NAME=VALUE pairs (${line} is invalid)`);
    const name = line.slice(0, at).trim();
    const value = line.slice(at + 1).replace(/^ +/, "");
    if (value.startsWith('"""')) open = { name, value: `${value.slice(3)}\n` };
    else secrets.set(name, unquoted(value));
  }
  return secrets;
}

function unquoted(value: string): string {
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) return value.slice(1, -1);
  const comment = value.indexOf("#");
  return comment < 0 ? value : value.slice(0, comment).trimEnd();
}

/** `NAME=VALUE` of the command line of `fly secrets set`, taken as they are. */
export function parseSecretArguments(args: readonly string[]): Map<string, string> {
  const secrets = new Map<string, string>();
  for (const arg of args) {
    const at = arg.indexOf("=");
    if (at < 1) throw new Error(`could not parse secrets: '${arg}': must be in the format NAME=VALUE`);
    secrets.set(arg.slice(0, at), arg.slice(at + 1));
  }
  return secrets;
}
