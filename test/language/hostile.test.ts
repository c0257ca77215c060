import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { renderText } from "../../src/language/render.ts";
import { catalogue } from "./catalogue.ts";
import { mutate, random } from "./mutations.ts";

const examples = new URL("../fixtures/language/examples/runbooks/", import.meta.url);
const texts = readdirSync(examples).map((name) => readFileSync(new URL(name, examples), "utf8"));
const base = texts[0]!;

function load(text: string, file = "runbooks/go-live.yaml") {
  return loadRunbook({ file, text, catalogue });
}

function codesOf(text: string): readonly string[] {
  return load(text).diagnostics.map((d) => d.code);
}

/** Time of the processor, which other programs do not stretch. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

describe("hostile texts", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++) {
    const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)];
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
  }
  const cases: readonly [string, string, readonly string[]][] = [
    ["an alias bomb", bomb.join("\n"), ["yaml-alias"]],
    ["1,000 nested lists", "[".repeat(1000), ["yaml-too-deep"]],
    ["1,000 nested lists, closed", `a: ${"[".repeat(1000)}${"]".repeat(1000)}`, ["yaml-too-deep"]],
    ["100,000 nested lists", "[".repeat(100_000), ["yaml-too-deep"]],
    ["100,000 nested maps", `${"{a: ".repeat(100_000)}1`, ["yaml-too-deep"]],
    ["nested block lists on one line", `${"- ".repeat(1000)}a`, ["yaml-too-deep"]],
    ["nested explicit keys", `${"? ".repeat(1000)}a`, ["yaml-too-deep"]],
    ["nested block maps", Array.from({ length: 100 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"), ["yaml-too-deep"]],
    ["50 MB", `a: ${"x".repeat(50_000_000)}`, ["yaml-too-large"]],
    ["1 MiB of line breaks", "\n".repeat(1_000_000), ["yaml-too-large"]],
    ["50,000 empty lines", "\n".repeat(49_999), ["empty-file"]],
    ["1 MiB of blanks", " ".repeat(1_000_000), ["empty-file"]],
    ["40,000 items", `a:\n${"- x\n".repeat(40_000)}`, ["yaml-too-many-nodes"]],
    ["40,000 empty items", `a:\n${"-\n".repeat(40_000)}`, ["yaml-too-many-nodes"]],
    ["15,000 items", `a: [${"x,".repeat(15_000)}]`, ["yaml-too-many-nodes"]],
    ["__proto__", `${base}\n__proto__: { polluted: true }\n`, ["reserved-key"]],
    ["constructor", `${base}\nconstructor: { prototype: { polluted: true } }\n`, ["reserved-key"]],
    ["a key twice", `${base}\nkind: audit\n`, ["duplicate-key"]],
    ["a tag", `${base}\ntags: !!js/function "function () {}"\n`, ["yaml-tag"]],
    ["a local tag", `${base}\ntags: !include other.yaml\n`, ["yaml-tag"]],
    ["a merge key", `${base}\n<<: { kind: audit }\n`, ["merge-key"]],
    ["a directive", `%YAML 1.1\n---\n${base}`, ["yaml-directive"]],
    ["a second document", `${base}\n---\na: 1\n`, ["yaml-syntax"]],
    ["NUL", base.replace("Go-live", "Go\0live"), ["control-character"]],
    ["text that runs backwards", base.replace("Go-live", "Go\u202elive"), ["control-character"]],
    ["half a surrogate pair", base.replace("Go-live", "Go\ud800live"), ["control-character"]],
    ["a byte order mark inside", base.replace("Go-live", "Go\ufefflive"), ["control-character"]],
    ["1e400", base.replace("version: 1.1.0", "version: 1e400"), ["bad-number"]],
    ["infinity", base.replace("version: 1.1.0", "version: .inf"), ["bad-number"]],
    ["a number of 30 digits", base.replace("version: 1.1.0", `version: ${"9".repeat(30)}`), ["bad-number"]],
    ["a key that is a list", `? [a]\n: b\n${base}`, ["non-string-key"]],
    ["a key that is true", `true: b\n${base}`, ["non-string-key"]],
  ];

  it.each(cases)("%s", (_name, text, expected) => {
    // Twice: yaml 2.9.1 aborted the process on the second deep text.
    for (let round = 0; round < 2; round++) {
      const started = cpuMs();
      expect([...new Set(codesOf(text))]).toEqual(expected);
      expect(cpuMs() - started).toBeLessThan(1000);
    }
  });

  it("accepts a byte order mark at the start and Windows line ends, with exact positions", () => {
    expect(load(`\ufeff${base.replaceAll("\n", "\r\n")}`).diagnostics).toEqual([]);
    const text = `\ufeff${base.replace("kind: checklist", "kind: chekclist").replaceAll("\n", "\r\n")}`;
    const [problem] = load(text).diagnostics;
    expect(text.slice(problem!.at.range.start, problem!.at.range.end)).toBe("chekclist");
  });

  it.each(["uses: { a: 1 }", "uses: [http]", "uses: { a: 1 }\n    with: {}\n    max: 3"])(
    "says what is wrong with a map or a list where the name of a type belongs: %j",
    (action) => {
      const text = base.replace(/steps:[\s\S]*$/, `steps:\n  - id: a\n    title: A\n    ${action}\n`);
      expect(codesOf(text)).toContain("wrong-type");
    },
  );

  it("gives data without prototypes", () => {
    const { source } = load(base);
    expect(Object.getPrototypeOf(source.data)).toBe(null);
    expect("toString" in (source.data as object)).toBe(false);
  });
});

describe("mutations of runbooks", () => {
  it("2,000 are each valid or a framed error, in under a second, and leave prototypes alone", {
    timeout: 300_000,
  }, () => {
    const next = random(20261120);
    const members = () =>
      JSON.stringify(
        [Object.prototype, Array.prototype, String.prototype, Function.prototype].map((p) =>
          Object.getOwnPropertyNames(p),
        ),
      );
    const before = members();
    let valid = 0;
    let slowest = 0;
    for (let i = 0; i < 2000; i++) {
      const text = mutate(texts[i % texts.length]!, next);
      const started = cpuMs();
      const loaded = load(text, "runbooks/mutation.yaml");
      const frames = renderText(loaded.diagnostics, () => text, { width: 80 });
      slowest = Math.max(slowest, cpuMs() - started);
      const errors = loaded.diagnostics.filter((d) => d.severity === "error");
      if (loaded.runbook === null) expect(errors.length, text).toBeGreaterThan(0);
      else expect(errors, text).toEqual([]);
      if (loaded.runbook !== null) valid++;
      for (const { at } of loaded.diagnostics) {
        expect(at.range.start).toBeGreaterThanOrEqual(0);
        expect(at.range.end).toBeGreaterThanOrEqual(at.range.start);
        expect(at.range.end).toBeLessThanOrEqual(text.length);
      }
      expect(frames).not.toMatch(/\bat .*\.ts:\d+|undefined|\[object Object\]|[\x00-\x08\x0b-\x1f\x7f\u202e]/);
    }
    expect(members()).toBe(before);
    expect(slowest).toBeLessThan(1000);
    // The name never fits the file, so nothing is valid by accident of a mutation in a comment.
    expect(valid).toBe(0);
  });
});
