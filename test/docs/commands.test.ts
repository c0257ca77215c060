/** What the documents tell a reader to type exists: verbs, flags, npm scripts, exit codes, diagnostics. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commonFlags } from "../../src/cli/verbs/flags.ts";
import { verbNamed } from "../../src/cli/verbs/table.ts";
import { exitCodes } from "../../src/engine/exit-codes.ts";
import { codes } from "../../src/language/codes.ts";
import { catalogue } from "../../src/steps/index.ts";
import { type Document, documents, readDocument, root } from "./markdown.ts";

const all = documents().filter(({ path }) => !path.startsWith("docs/adr/"));

describe("what a reader is told to type", () => {
  it("names verbs and flags that exist", () => {
    const commands = all.flatMap(commandsOf);
    expect(commands.length).toBeGreaterThan(40);
    const wrong = commands.flatMap(({ words, where }) => {
      const verb = verbNamed(words[0] ?? "");
      if (verb === undefined)
        return words[0] === "--version" || words[0] === "--help" ? [] : [`${where} ${words.join(" ")}`];
      const flags = [...verb.flags, ...commonFlags];
      return words
        .slice(1)
        .filter((word) => /^-{1,2}[a-zA-Z]/.test(word))
        .map((word) => word.split("=")[0] ?? "")
        .filter((word) => !flags.some((flag) => word === `--${flag.name}` || word === `-${flag.short}`))
        .map((word) => `${where} ${words.join(" ")}: ${verb.name} has no ${word}`);
    });
    expect(wrong).toEqual([]);
  });

  it("names npm scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const named = all.flatMap(({ path, text }) =>
      [...text.matchAll(/npm run (?:-s )?([a-z-]+)/g)].map((match) => ({ path, name: match[1] ?? "" })),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ name }) => !(name in scripts))).toEqual([]);
  });

  it("opens the README with the two lines that need nothing but Node", () => {
    const first = readDocument("README.md").blocks[0];
    expect(first?.text).toBe("npm ci && npm run demo\nnpm ci && npm test\n");
    expect(first?.line).toBeLessThan(25);
  });

  it("lists every exit code in the README, and no other", () => {
    const rows = [...readDocument("README.md").text.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)];
    const listed = Object.fromEntries(rows.map(([, code, name]) => [name, Number(code)]));
    expect(listed).toEqual(exitCodes);
  });

  it("lists every step type in docs/language.md, and no other", () => {
    const section = sectionOf(readDocument("docs/language.md"), "Step types");
    const listed = [...section.matchAll(/^\| `([a-z][a-z/-]*)` \|/gm)].map((match) => match[1]);
    expect(listed.toSorted()).toEqual([...catalogue.keys()].toSorted());
  });

  it("names diagnostics in docs/language.md that exist", () => {
    const section = sectionOf(readDocument("docs/language.md"), "Diagnostics");
    const named = [...section.matchAll(/^\| `([a-z][a-z-]+)` \|/gm)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(10);
    const known = new Set(Object.keys(codes));
    expect(named.filter((code) => !known.has(code))).toEqual([]);
  });
});

interface CommandLine {
  readonly words: readonly string[];
  readonly where: string;
}

/** `runbook …` in back-ticks and behind `$ ` in console blocks; quoted words stay one word, pipes end a command. */
function commandsOf({ path, code, blocks }: Document): CommandLine[] {
  const lines = [
    ...code.map(({ text, line }) => ({ text, line })),
    ...blocks
      .filter(({ info }) => ["console", "sh", "bash"].includes(info[0] ?? ""))
      .flatMap((block) => block.text.split("\n").map((text, at) => ({ text, line: block.line + at }))),
  ];
  return lines.flatMap(({ text, line }) => {
    const command = /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx )?runbook ([a-z-].*)$/.exec(text)?.[1];
    if (command === undefined || /^run(?:s|ning)\b/.test(command)) return [];
    const words = command.split(/\s*[|>;&]/)[0]?.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
    return [{ words, where: `${path}:${line}` }];
  });
}

function sectionOf({ path, text }: Document, title: string): string {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`${path} has no section "${title}"`);
  return section;
}
