import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/host/clock.ts";
import { after } from "../../src/util/timer.ts";

const day = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([1, 24 * day, 25 * day, 60 * day])("%d ms are waited for, not a millisecond less", (ms) => {
  let fired = 0;
  after(ms, () => fired++);
  vi.advanceTimersByTime(ms - 1);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});

test("a timer that was cancelled half-way does not fire", () => {
  let fired = 0;
  const cancel = after(60 * day, () => fired++);
  vi.advanceTimersByTime(30 * day);
  cancel();
  vi.advanceTimersByTime(60 * day);
  expect(fired).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("the engine's clock sleeps for months", async () => {
  let over = false;
  const slept = systemClock({})
    .sleep(60 * day, new AbortController().signal)
    .then(() => {
      over = true;
    });
  await vi.advanceTimersByTimeAsync(59 * day);
  expect(over).toBe(false);
  await vi.advanceTimersByTimeAsync(day);
  await slept;
});
