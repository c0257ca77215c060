import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseDuration } from "../../sandbox/fly/duration.ts";
import { type FlagSpec, parseFlags } from "../../sandbox/fly/flags.ts";
import { parseSecretArguments, parseSecretsInput } from "../../sandbox/fly/secrets-input.ts";
import { relativeTime } from "../../sandbox/fly/views.ts";
import { holdsLock, releaseLock, takeLock } from "../../sandbox/lock.ts";
import { seedState } from "../../sandbox/seeds.ts";
import { identityOf, isAlive } from "../../src/host/supervisor/process-identity.ts";

describe("Go durations", () => {
  test.each([
    ["90s", 90_000],
    ["1m30s", 90_000],
    ["300ms", 300],
    ["1.5h", 5_400_000],
    ["5", 5000],
    ["none", Number.POSITIVE_INFINITY],
  ])("%s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "s", "5 s", "-3s", "1d", "5x", "1m30"])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});

describe("flags by pflag's rules", () => {
  const specs: FlagSpec[] = [
    { name: "app", shorthand: "a", kind: "string" },
    { name: "yes", shorthand: "y", kind: "bool" },
    { name: "ha", kind: "bool" },
    { name: "only", kind: "list" },
  ];

  test("takes values in every form", () => {
    const flags = parseFlags(["-ya", "x", "--ha=false", "word", "--only=1,2", "--only", "3", "--", "--app"], specs);
    expect(flags.string("app")).toBe("x");
    expect(flags.bool("yes")).toBe(true);
    expect(flags.bool("ha")).toBe(false);
    expect(flags.list("only")).toEqual(["1", "2", "3"]);
    expect(flags.positional).toEqual(["word", "--app"]);
    expect(parseFlags(["-ax=y"], specs).string("app")).toBe("x=y");
    expect(parseFlags(["-a=x"], specs).string("app")).toBe("x");
  });

  test.each([
    [["--tail"], "unknown flag: --tail"],
    [["--tail=3"], "unknown flag: --tail"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["--app"], "flag needs an argument: --app"],
    [["-a"], "flag needs an argument: 'a' in -a"],
    [["--ha=maybe"], 'invalid argument "maybe" for "--ha" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ])("%j → %s", (args, message) => {
    expect(() => parseFlags(args, specs)).toThrow(message);
  });
});

describe("secrets on standard input", () => {
  test("has the traps of flyctl's parser", () => {
    const text = [
      "# a comment",
      "PLAIN=value",
      "CUT=abc#def",
      'KEPT="abc#def"',
      "BLANKS=   led",
      "EQUALS=a=b",
      "EMPTY=",
      'LONG="""first',
      "second # kept",
      'third"""',
      "",
    ].join("\n");
    expect(Object.fromEntries(parseSecretsInput(text))).toEqual({
      PLAIN: "value",
      CUT: "abc",
      KEPT: "abc#def",
      BLANKS: "led",
      EQUALS: "a=b",
      EMPTY: "",
      LONG: "first\nsecond # kept\nthird",
    });
  });

  test("one line without = refuses everything", () => {
    expect(() => parseSecretsInput("A=1\nnonsense\n")).toThrow(
      "Secrets must be provided as NAME=VALUE pairs (nonsense is invalid)",
    );
    expect(() => parseSecretArguments(["A=1", "B"])).toThrow("'B': must be in the format NAME=VALUE");
  });
});

test("relative times read as flyctl's", () => {
  const now = new Date("2026-03-01T12:00:00Z");
  expect(relativeTime("2026-03-01T11:59:58Z", now)).toBe("just now");
  expect(relativeTime("2026-03-01T11:57:30Z", now)).toBe("2m30s ago");
  expect(relativeTime("2026-03-01T08:40:00Z", now)).toBe("3h20m ago");
  expect(relativeTime("2026-02-01T08:40:00Z", now)).toBe("2026-02-01");
});

describe("the seeds as data", () => {
  // The rule by which rollback-production chooses: newest complete row older than every row of the live image.
  const rollBack = (rows: { Version: number; Status: string; ImageRef: string }[], live: string) =>
    [...rows]
      .reverse()
      .find((r) => r.Status === "complete" && !rows.some((x) => x.ImageRef === live && x.Version <= r.Version))
      ?.ImageRef;

  test("good allows four rollbacks in a row, each one further back", () => {
    const shop = seedState("good", new Date(0)).apps[0];
    const rows = (shop?.releases ?? []).map(({ Version, Status, ImageRef }) => ({
      Version,
      Status: Status as string,
      ImageRef,
    }));
    expect(rows.length).toBeGreaterThanOrEqual(8);
    let live = rows.at(-1)?.ImageRef ?? "";
    const path: string[] = [];
    for (let next = rollBack(rows, live); next !== undefined; next = rollBack(rows, live)) {
      path.push(next.split(":")[1] as string);
      rows.push({ Version: rows.length + 1, Status: "complete", ImageRef: next });
      live = next;
    }
    expect(path).toEqual(["deploy-05", "deploy-03", "deploy-02", "deploy-01"]);
  });
});

describe("who is alive", () => {
  const dir = mkdtempSync(join(tmpdir(), "sandbox-lock-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("a reused pid is another process", () => {
    const own = identityOf(process.pid);
    if (own === null) throw new Error("no /proc");
    expect(isAlive(own)).toBe(true);
    expect(isAlive({ ...own, startTime: 1 })).toBe(false);
    expect(isAlive({ ...own, bootId: "another" })).toBe(false);
    expect(identityOf(2 ** 22 + 1)).toBeNull();
  });

  test("a lock is taken once, and taken over from a dead holder or a torn file", () => {
    const path = join(dir, "lock");
    expect(takeLock(path).holder).toBeNull();
    expect(takeLock(path).holder?.pid).toBe(process.pid);
    writeFileSync(path, JSON.stringify({ pid: process.pid, startTime: 1, bootId: "another", host: hostname() }));
    expect(takeLock(path).holder).toBeNull();
    writeFileSync(path, '{"pid":');
    expect(takeLock(path).holder).toBeNull();
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(identityOf(process.pid));
    releaseLock(path);
    expect(holdsLock(path)).toBe(false);
  });
});
