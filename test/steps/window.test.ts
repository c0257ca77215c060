import { describe, expect, test } from "vitest";
import type { Window } from "../../src/language/config.ts";
import { wait } from "../../src/steps/wait.ts";
import { window as windowType } from "../../src/steps/window.ts";
import { windowState, windowText } from "../../src/steps/window-calendar.ts";
import { failureOf, rigHost, runStep } from "../rig/step-host.ts";

function windowOf(days: readonly number[], hours: string, more: Partial<Window> = {}): Window {
  const [from = "", to = ""] = hours.split("-");
  const minute = (clock: string) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
  return {
    days,
    fromMinute: minute(from),
    toMinute: minute(to),
    timezone: "America/Los_Angeles",
    holidays: [],
    mode: "block",
    ...more,
  };
}

const weekdays = [1, 2, 3, 4, 5];
const daily = [1, 2, 3, 4, 5, 6, 7];
const office = windowOf(weekdays, "09:00-17:00", { holidays: ["2026-11-26", "2026-12-25"] });

describe("whether a window is open", () => {
  const night = windowOf([5], "22:00-02:00", { timezone: "UTC" });
  const cases: { name: string; window: Window; at: string; open: boolean }[] = [
    { name: "16:00Z is 08:00 before summer time", window: office, at: "2026-03-06T16:00:00Z", open: false },
    { name: "16:00Z is 09:00 after summer time began", window: office, at: "2026-03-09T16:00:00Z", open: true },
    { name: "the start is inside", window: office, at: "2026-11-20T17:00:00Z", open: true },
    { name: "the moment before the start is outside", window: office, at: "2026-11-20T16:59:59.999Z", open: false },
    { name: "the moment before the end is inside", window: office, at: "2026-11-21T00:59:59.999Z", open: true },
    { name: "the end is outside", window: office, at: "2026-11-21T01:00:00Z", open: false },
    { name: "a Saturday is outside", window: office, at: "2026-11-21T18:00:00Z", open: false },
    { name: "a holiday is outside", window: office, at: "2026-11-26T18:00:00Z", open: false },
    { name: "past midnight belongs to the day it opens", window: night, at: "2026-11-21T01:59:00Z", open: true },
    { name: "and ends there", window: night, at: "2026-11-21T02:00:00Z", open: false },
    { name: "but not to the night before", window: night, at: "2026-11-20T01:00:00Z", open: false },
    {
      name: "a holiday on which it would open keeps the night closed",
      window: { ...night, holidays: ["2026-11-20"] },
      at: "2026-11-21T01:00:00Z",
      open: false,
    },
    {
      name: "a holiday into which it reaches closes at midnight",
      window: { ...night, holidays: ["2026-11-21"] },
      at: "2026-11-21T00:00:00Z",
      open: false,
    },
    {
      name: "equal ends are a whole day",
      window: windowOf([5], "09:00-09:00"),
      at: "2026-11-21T16:59:00Z",
      open: true,
    },
    {
      name: "and 24:00 is the end of the day",
      window: windowOf([5], "00:00-24:00"),
      at: "2026-11-21T07:59:00Z",
      open: true,
    },
    {
      name: "01:30 of the first pass in autumn",
      window: windowOf(daily, "01:15-01:45"),
      at: "2026-11-01T08:30:00Z",
      open: true,
    },
    {
      name: "01:30 of the second pass in autumn",
      window: windowOf(daily, "01:15-01:45"),
      at: "2026-11-01T09:30:00Z",
      open: true,
    },
    { name: "01:50 between the two", window: windowOf(daily, "01:15-01:45"), at: "2026-11-01T08:50:00Z", open: false },
    {
      name: "the hour that spring leaves out",
      window: windowOf(daily, "02:00-03:00"),
      at: "2026-03-08T10:00:00Z",
      open: false,
    },
  ];
  test.each(cases)("$name", async ({ window, at, open }) => {
    expect((await windowState(window, new Date(at))).open).toBe(open);
  });
});

describe("when it opens next", () => {
  const cases: { name: string; window: Window; at: string; opens: string | null }[] = [
    { name: "later the same day", window: office, at: "2026-11-20T12:00:00Z", opens: "2026-11-20T09:00:00-08:00" },
    { name: "after the weekend", window: office, at: "2026-11-21T01:00:00Z", opens: "2026-11-23T09:00:00-08:00" },
    { name: "after a holiday", window: office, at: "2026-11-26T01:00:00Z", opens: "2026-11-27T09:00:00-08:00" },
    {
      name: "with the offset of that day",
      window: office,
      at: "2026-03-07T20:00:00Z",
      opens: "2026-03-09T09:00:00-07:00",
    },
    {
      name: "at the first moment after a start that spring leaves out",
      window: windowOf(daily, "02:30-05:00"),
      at: "2026-03-08T09:00:00Z",
      opens: "2026-03-08T03:00:00-07:00",
    },
    {
      name: "on the next day when spring leaves all of it out",
      window: windowOf(daily, "02:00-03:00"),
      at: "2026-03-08T09:00:00Z",
      opens: "2026-03-09T02:00:00-07:00",
    },
    {
      name: "a second time in autumn",
      window: windowOf(daily, "01:15-01:45"),
      at: "2026-11-01T08:50:00Z",
      opens: "2026-11-01T01:15:00-08:00",
    },
    {
      name: "at midnight when a holiday ends within a night",
      window: windowOf([4], "22:00-02:00", { holidays: [] }),
      at: "2026-11-20T12:00:00-08:00",
      opens: "2026-11-26T22:00:00-08:00",
    },
    { name: "never without days", window: windowOf([], "09:00-17:00"), at: "2026-11-20T12:00:00Z", opens: null },
    {
      name: "after more holidays in a row than a week has days",
      window: windowOf([1], "09:00-17:00", { holidays: ["2026-11-23", "2026-11-30", "2026-12-07"] }),
      at: "2026-11-21T12:00:00Z",
      opens: "2026-12-14T09:00:00-08:00",
    },
  ];
  test.each(cases)("$name", async ({ window, at, opens }) => {
    const { opensAt } = await windowState(window, new Date(at));
    expect(opensAt?.replace("[America/Los_Angeles]", "") ?? null).toBe(opens);
  });

  test("open windows have no next opening", async () => {
    expect(await windowState(office, new Date("2026-11-20T18:00:00Z"))).toEqual({
      open: true,
      now: "2026-11-20T10:00:00-08:00[America/Los_Angeles]",
      nowText: "Fri 10:00 America/Los_Angeles",
      windowText: "Mon-Fri 09:00-17:00",
      opensAt: null,
      opensText: null,
    });
  });
});

test.each([
  [weekdays, "Mon-Fri"],
  [[2, 1], "Mon,Tue"],
  [[1, 3, 5, 6, 7], "Mon,Wed,Fri-Sun"],
  [daily, "Mon-Sun"],
])("days %j read as %s", (days, text) => {
  expect(windowText(windowOf(days, "09:00-17:30"))).toBe(`${text} 09:00-17:30`);
});

describe("the window step", () => {
  const saturday = {
    now: "2026-11-21T12:11:00Z",
    windows: { deploy: office, watch: { ...office, mode: "warn" as const } },
  };

  test("refuses outside, saying where it stands and when it opens", async () => {
    const failure = await failureOf(windowType, { name: "deploy" }, rigHost(saturday));
    expect(failure).toMatchObject({
      class: "refused",
      reason: "window-closed",
      facts: { opensAt: "2026-11-23T09:00:00-08:00[America/Los_Angeles]" },
      result: { open: false },
    });
    expect(failure.message).toBe(
      "now Sat 04:11 America/Los_Angeles is outside Mon-Fri 09:00-17:00 (window deploy). It opens again Mon 2026-11-23 09:00.",
    );
  });

  test.each([
    ["the step says warn", { name: "deploy", mode: "warn" as const }],
    ["the window says warn", { name: "watch" }],
  ])("only records when %s", async (_name, spec) => {
    expect(await runStep(windowType, spec, rigHost(saturday))).toEqual({
      open: false,
      now: "2026-11-21T04:11:00-08:00[America/Los_Angeles]",
    });
  });

  test("the step's mode is stronger than the window's", async () => {
    expect(await failureOf(windowType, { name: "watch", mode: "block" }, rigHost(saturday))).toMatchObject({
      class: "refused",
    });
  });

  test("an unknown window is an error, never an open one", async () => {
    const failure = await failureOf(windowType, { name: "weekend" }, rigHost(saturday));
    expect(failure).toMatchObject({ class: "fatal", reason: "window-unknown" });
  });
});

describe("wait", () => {
  test("sleeps for exactly the time it is given", async () => {
    const host = rigHost();
    await runStep(wait, { for: "1m30s" }, rigHost({ attemptMs: 100_000 }));
    await runStep(wait, { for: "250ms" }, host);
    expect(host.sleeps).toEqual([250]);
  });

  test("refuses at once what its time limit would cut off", async () => {
    const host = rigHost({ attemptMs: 60_000 });
    const failure = await failureOf(wait, { for: "2h" }, host);
    expect(failure).toMatchObject({ class: "fatal", reason: "wait-exceeds-timeout" });
    expect(failure.message).toContain("longer `timeout`");
    expect(host.sleeps).toEqual([]);
  });
});
