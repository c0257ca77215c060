/** Figures as people read them. All pure; times stay UTC. */
import type { Json } from "../util/json.ts";

/** `412ms`, `9.8s`, `18m 04s`, `23h 55m`, `90d`; cut down, never rounded up over a limit. */
export function durationText(ms: number): string {
  if (ms < 0) return `-${durationText(-ms)}`;
  const whole = Math.floor(ms);
  if (whole < 1000) return `${whole}ms`;
  if (whole < 60_000) return whole % 1000 === 0 ? `${whole / 1000}s` : `${(Math.floor(whole / 100) / 10).toFixed(1)}s`;
  const seconds = Math.floor(whole / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, "m", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return pair(hours, "h", minutes % 60, "m");
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${String(small).padStart(2, "0")}${smallUnit}`;
}

/** `2026-03-14T09:00:02.000Z` → `09:00:02`; with `day` other than the time's own: with its date. */
export function clockText(at: string, day: string): string {
  return at.startsWith(day) ? at.slice(11, 19) : `${at.slice(0, 10)} ${at.slice(11, 19)}`;
}

/** A JSON value as one line: text as it is, everything else as JSON. */
export function jsonText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Millisecond distance of two RFC 3339 times; null when one is not a time. */
export function between(from: string, to: string): number | null {
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isFinite(ms) ? ms : null;
}

/** At most `head` first and `tail` last lines, each at most `width` characters, saying what is left out. */
export function excerpt(value: string, head: number, tail: number, width: number): string {
  if (value.length <= width && !value.includes("\n")) return value;
  const lines = value.replace(/\r?\n$/, "").split("\n");
  const shown =
    lines.length <= head + tail
      ? lines
      : [...lines.slice(0, head), `[… ${lines.length - head - tail} lines left out]`, ...lines.slice(-tail)];
  return shown.map((line) => cut(line, width)).join("\n");
}

function cut(line: string, width: number): string {
  if (line.length <= width) return line;
  const end = /[\ud800-\udbff]/.test(line[width - 1] ?? "") ? width - 1 : width;
  return `${line.slice(0, end)} [… ${line.length - end} characters left out]`;
}

/** A command as a person would type it: words that are not plain are quoted for a POSIX shell. */
export function commandText(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}
