import { describe, expect, it } from "vitest";
import { splitCommand } from "../../src/language/command-words.ts";
import { closest, nearestHint } from "../../src/util/closest.ts";
import { parseDurationMs } from "../../src/util/duration.ts";

describe("words of a command", () => {
  it.each<[string, string[]]>([
    ["fly releases --json", ["fly", "releases", "--json"]],
    ["  a   b\t", ["a", "b"]],
    ["a 'b c' \"d e\"", ["a", "b c", "d e"]],
    ["a b'c d'e", ["a", "bc de"]],
    ["a '' b", ["a", "", "b"]],
    ['a "say \\"hi\\""', ["a", 'say "hi"']],
    ["a b\\ c", ["a", "b c"]],
    ["a '$HOME' '*' '|' ';'", ["a", "$HOME", "*", "|", ";"]],
    ["a ${{ inputs.x }} b", ["a", "${{ inputs.x }}", "b"]],
    ["a x_${{ inputs.x + ' y' }}_z b", ["a", "x_${{ inputs.x + ' y' }}_z", "b"]],
    ['a "${{ inputs.x + "}}" }} c"', ["a", '${{ inputs.x + "}}" }} c']],
    ["a ${{ {'k': [1, 2]}['k'][0] }} b", ["a", "${{ {'k': [1, 2]}['k'][0] }}", "b"]],
    ["a $${{ literally }}", ["a", "$${{", "literally", "}}"]],
    ["curl https://x.example/?a=1", ["curl", "https://x.example/?a=1"]],
    ["a --flag=x=y", ["a", "--flag=x=y"]],
  ])("%s", (text, words) => {
    expect(splitCommand(text)).toEqual({ words, problems: [] });
  });

  it.each<[string, string]>([
    ["a | b", "|"],
    ["a || b", "||"],
    ["a && b", "&&"],
    ["a; b", ";"],
    ["a &", "&"],
    ["a > f", ">"],
    ["a >> f", ">>"],
    ["a 2>&1", ">&"],
    ["a < f", "<"],
    ["a <<< x", "<<<"],
    ["a $HOME", "$HOME"],
    ["a ${HOME}", "${HOME}"],
    ['a "$HOME"', "$HOME"],
    ["a $(b)", "$("],
    ["a `b`", "`"],
    ["a *.txt", "*"],
    ["a ~/x", "~"],
    ["A=1 b", "A"],
  ])("%s needs a shell", (text, part) => {
    const [problem] = splitCommand(text).problems;
    expect(problem?.code).toBe("shell-in-run");
    expect(text.slice(problem!.range.start, problem!.range.end)).toBe(part);
  });

  it("a second line is a second command", () => {
    expect(splitCommand("a b\nc d\n").problems.map((p) => p.message)).toEqual([
      "A second line is a second command; a step runs one.",
    ]);
  });

  it("an open quote is told", () => {
    expect(splitCommand("a 'b").problems.map((p) => p.code)).toEqual(["bad-command"]);
  });
});

describe("durations", () => {
  it.each<[string, number | null]>([
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
    ["1.5s", 1500],
    ["90d", 7_776_000_000],
    ["2w", 1_209_600_000],
    ["PT1H30M", 5_400_000],
    ["P1DT1S", 86_401_000],
    ["P2W", 1_209_600_000],
    ["", null],
    ["90", null],
    ["P", null],
    ["PT", null],
    ["5 minutes", null],
    ["-5s", null],
    [`${"9".repeat(30)}d`, null],
  ])("%s", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
});

describe("the closest name", () => {
  it.each<[string, string[], string | undefined]>([
    ["htpp", ["tcp", "http"], "http"],
    ["HTTP", ["http"], "http"],
    ["pre-state", ["pre_state"], "pre_state"],
    ["timout", ["timeout", "title"], "timeout"],
    ["xyz", ["http", "tcp"], undefined],
    ["", ["a"], undefined],
    ["deployment", ["deploy", "drill"], "deploy"],
  ])("%s", (name, candidates, expected) => {
    expect(closest(name, candidates)).toBe(expected);
  });

  it("lists what there is when nothing is near", () => {
    expect(nearestHint("xyz", ["http", "tcp"])).toBe("Allowed: http, tcp.");
  });
});
