/** Reads members of data that may have any shape: what is absent or of another type becomes the default. */

import { parseDurationMs } from "../util/duration.ts";
import type { JsonObject } from "../util/json.ts";
import { isObject } from "../util/json.ts";

export type Data = Readonly<Record<string, unknown>>;

export function mapAt(data: Data, key: string): Data {
  const value = data[key];
  return isObject(value) ? value : {};
}

export function listAt(data: Data, key: string): readonly unknown[] {
  const value = data[key];
  return Array.isArray(value) ? value : [];
}

export function textAt(data: Data, key: string): string | null {
  const value = data[key];
  return typeof value === "string" ? value : null;
}

export function textsAt(data: Data, key: string): readonly string[] {
  return listAt(data, key).filter((item): item is string => typeof item === "string");
}

/** Milliseconds of a duration member; null when absent or not a duration. */
export function durationAt(data: Data, key: string): number | null {
  const value = data[key];
  return typeof value === "string" ? parseDurationMs(value) : null;
}

export function numberAt(data: Data, key: string): number | null {
  const value = data[key];
  return typeof value === "number" ? value : null;
}

/** Text members of a map, in file order. */
export function textMapAt(data: Data, key: string): Readonly<Record<string, string>> {
  return mapValues(mapAt(data, key), (value) => (typeof value === "string" ? value : undefined));
}

export function objectAt(data: Data, key: string): JsonObject {
  return mapAt(data, key) as JsonObject;
}

/** A null-prototype copy with other values; members whose new value is undefined are left out. */
export function mapValues<T>(
  data: Data,
  change: (value: unknown, key: string) => T | undefined,
): Readonly<Record<string, T>> {
  const out: Record<string, T> = Object.create(null);
  for (const [key, value] of Object.entries(data)) {
    const changed = change(value, key);
    if (changed !== undefined) out[key] = changed;
  }
  return out;
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T {
  return allowed.includes(value as T) ? (value as T) : otherwise;
}
