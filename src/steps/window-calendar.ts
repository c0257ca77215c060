/**
 * When a maintenance window is open. A window is read off the wall clock of its zone: half-open `[from, to)` on its
 * days, closed all day on its holidays. So an hour that a change to summer time leaves out is never open, and one that
 * happens twice in autumn is open twice. A window past midnight belongs to the day on which it opens.
 */
import type { Temporal as TemporalApi } from "temporal-polyfill";
import type { Window } from "../language/config.ts";

export interface WindowState {
  readonly open: boolean;
  /** Local time with its offset and zone, `2026-11-20T09:51:00-08:00[America/Los_Angeles]` (RFC 9557). */
  readonly now: string;
  /** `Fri 09:51 America/Los_Angeles` */
  readonly nowText: string;
  /** `Mon-Fri 09:00-17:00` */
  readonly windowText: string;
  /** When it opens next, strictly after now, as `now` is written; null when it is open or never opens again. */
  readonly opensAt: string | null;
  /** `Mon 2026-11-23 09:00` */
  readonly opensText: string | null;
}

type Zoned = TemporalApi.ZonedDateTime;
type Day = TemporalApi.PlainDate;

const dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** State of `window` at `now`. Throws a `RangeError` for a zone that does not exist. */
export async function windowState(window: Window, now: Date): Promise<WindowState> {
  // Loaded here because only few commands need it.
  const { Temporal } = await import("temporal-polyfill");
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(window.timezone);
  const open = isOpen(window, local);
  const next = open ? null : nextOpening(window, local);
  return {
    open,
    now: local.toString({ smallestUnit: "second" }),
    nowText: `${dayName(local.dayOfWeek)} ${clock(minuteOf(local))} ${window.timezone}`,
    windowText: windowText(window),
    opensAt: next?.toString({ smallestUnit: "second" }) ?? null,
    opensText: next === null ? null : `${dayName(next.dayOfWeek)} ${next.toPlainDate()} ${clock(minuteOf(next))}`,
  };
}

/** `Mon-Fri 09:00-17:00`, `Mon,Wed 22:00-02:00`. */
export function windowText(window: Window): string {
  return `${daysText(window.days)} ${clock(window.fromMinute)}-${clock(window.toMinute)}`;
}

function isOpen(window: Window, at: Zoned): boolean {
  const today = at.toPlainDate();
  if (isHoliday(window, today)) return false;
  const minute = minuteOf(at);
  const pastMidnight = window.toMinute <= window.fromMinute;
  if (opensOn(window, today) && minute >= window.fromMinute && (pastMidnight || minute < window.toMinute)) return true;
  return pastMidnight && minute < window.toMinute && opensOn(window, today.subtract({ days: 1 }));
}

function nextOpening(window: Window, from: Zoned): Zoned | null {
  if (window.days.length === 0) return null;
  // Every opening lies within a week of a day that is no holiday.
  const horizonDays = 8 + 7 * window.holidays.length;
  for (let ahead = 0; ahead <= horizonDays; ahead += 1) {
    const day = from.toPlainDate().add({ days: ahead });
    const opening = candidates(window, day, from.timeZoneId)
      .filter((at) => at.epochMilliseconds > from.epochMilliseconds && isOpen(window, at))
      .sort((a, b) => a.epochMilliseconds - b.epochMilliseconds)[0];
    if (opening !== undefined) return opening;
  }
  return null;
}

/** Instants of a day at which a window can open: its start (twice in autumn), midnight, and a change of the offset. */
function candidates(window: Window, day: Day, timeZone: string): Zoned[] {
  const midnight = day.toZonedDateTime({ timeZone });
  const start = day.toPlainDateTime({ hour: Math.floor(window.fromMinute / 60), minute: window.fromMinute % 60 });
  const found = [
    midnight,
    start.toZonedDateTime(timeZone, { disambiguation: "earlier" }),
    start.toZonedDateTime(timeZone, { disambiguation: "later" }),
  ];
  const change = midnight.getTimeZoneTransition("next");
  if (change?.toPlainDate().equals(day)) found.push(change);
  return found;
}

function opensOn(window: Window, day: Day): boolean {
  return window.days.includes(day.dayOfWeek) && !isHoliday(window, day);
}

function isHoliday(window: Window, day: Day): boolean {
  return window.holidays.includes(day.toString());
}

function minuteOf(at: Zoned): number {
  return at.hour * 60 + at.minute;
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

function dayName(isoDay: number): string {
  return dayNames[isoDay - 1] ?? "?";
}

/** Runs of three days and more become `Mon-Fri`. */
function daysText(days: readonly number[]): string {
  const sorted = [...new Set(days)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let index = 0; index < sorted.length; ) {
    let end = index;
    while (sorted[end + 1] === sorted[end]! + 1) end += 1;
    const names = sorted.slice(index, end + 1).map(dayName);
    parts.push(names.length > 2 ? `${names[0]}-${names.at(-1)}` : names.join(","));
    index = end + 1;
  }
  return parts.join(",");
}
