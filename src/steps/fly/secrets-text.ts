/**
 * Writes values so that `fly secrets import` reads them back unchanged. Its parser has no escapes (flyctl
 * internal/command/secrets/parser.go): a value may stand between `"…"` in one line, between `"""…"""` over several, or
 * bare, where leading blanks go and newer versions cut at `#`. It reads line by line, drops a final `\r`, and gives up
 * without a word at a line of 64 KiB (Go's bufio.Scanner). What none of the forms can carry is refused, by name.
 */
import { StepFailure } from "../step-type.ts";

const longestLineBytes = 64 * 1024 - 1;

/** The standard input of `fly secrets import`. Throws `fatal` naming what cannot be written, never its value. */
export function secretsText(values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([name, value]) => line(name, value));
  return lines.map((each) => `${each}\n`).join("");
}

function line(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw unwritable(name, "its name is none that an environment can have");
  }
  if (value === "") throw unwritable(name, "its value is empty");
  if (/\r(?=\n|$)/.test(value))
    throw unwritable(name, "a line of its value ends with a carriage return, which fly drops");
  if (value.includes("\0")) throw unwritable(name, "its value holds a NUL");
  const written = value.includes("\n") ? overLines(name, value) : inOneLine(name, value);
  for (const each of written.split("\n")) {
    if (Buffer.byteLength(each) > longestLineBytes) {
      throw unwritable(name, "a line of its value is longer than 64 KiB, where fly stops reading");
    }
  }
  return written;
}

function inOneLine(name: string, value: string): string {
  // Between quotes all but a beginning of three quotes survives, which would open the form over several lines.
  if (!value.startsWith('""') && value !== '"') return `${name}="${value}"`;
  const isBareSafe = !value.startsWith('"""') && !value.includes("#") && !value.endsWith('"') && value === value.trim();
  if (isBareSafe) return `${name}=${value}`;
  throw unwritable(name, "it is one line that begins with two quotes and cannot stand bare");
}

function overLines(name: string, value: string): string {
  // A line that ends with three quotes ends the value.
  const ended = value
    .split("\n")
    .slice(1, -1)
    .some((each) => each.endsWith('"""'));
  if (ended) throw unwritable(name, "a line within its value ends with three quotes");
  return `${name}="""${value}"""`;
}

function unwritable(name: string, why: string): StepFailure {
  return new StepFailure(
    "fatal",
    "secret-not-writable",
    `The secret ${name} cannot be imported: ${why}. Keep it in another form, such as Base64, and decode it in the app.`,
    { facts: { name } },
  );
}
