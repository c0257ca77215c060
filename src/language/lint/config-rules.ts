/** What a schema cannot say about the project file: zones and dates that exist, names that are defined. */
import { nearestHint } from "../../util/closest.ts";
import type { Config } from "../config.ts";
import { patternProblem } from "../evidence-paths.ts";
import type { Findings } from "../findings.ts";
import { type Data, listAt, mapAt } from "../plain-data.ts";
import { escapePointer, type Source } from "../source.ts";

export function lintConfig(config: Config, source: Source, findings: Findings): void {
  const targets = Object.keys(config.targets);
  const known = (name: unknown, pointer: string, key = false) => {
    if (typeof name !== "string" || targets.includes(name)) return;
    findings.error(
      "unknown-target",
      key ? source.keyAt(pointer) : source.at(pointer),
      `There is no target "${name}".`,
      { hint: nearestHint(name, targets) },
    );
  };
  for (const key of ["append", "artifactsDir"] as const) {
    const path = config.evidence[key];
    const problem = path === null ? null : patternProblem(path);
    if (problem === null) continue;
    findings.error("bad-path", source.at(`/evidence/${key}`), problem.message, { hint: problem.hint });
  }
  for (const name of Object.keys(config.policy.reversibility))
    known(name, `/policy/reversibility/${escapePointer(name)}`, true);
  for (const [i, provider] of listAt(source.data as Data, "secrets").entries()) {
    for (const [j, name] of listAt((provider ?? {}) as Data, "targets").entries())
      known(name, `/secrets/${i}/targets/${j}`);
  }
  for (const name of Object.keys(mapAt(source.data as Data, "windows"))) {
    const window = config.windows[name];
    const pointer = `/windows/${escapePointer(name)}`;
    if (window === undefined) continue;
    if (!zoneExists(window.timezone)) {
      findings.error("bad-value", source.at(`${pointer}/timezone`), `"${window.timezone}" is not a time zone.`, {
        hint: "Write an IANA name like America/Los_Angeles or UTC.",
      });
    }
    if (window.fromMinute === window.toMinute) {
      findings.error("bad-value", source.at(`${pointer}/hours`), "The window opens and closes at the same minute.", {
        hint: "Write 00:00-24:00 for the whole day.",
      });
    }
    for (const [i, date] of window.holidays.entries()) {
      if (!dateExists(date))
        findings.error("bad-value", source.at(`${pointer}/holidays/${i}`), `"${date}" is not a day of the calendar.`);
    }
  }
}

function zoneExists(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

function dateExists(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
}
