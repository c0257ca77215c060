/** What a run's first record says about its procedure and its evidence: owner, windows, how long it is kept, where it goes. */
import type { KeepingFacts } from "../../engine/events.ts";
import type { Window } from "../../language/config.ts";
import type { Runbook } from "../../language/runbook.ts";
import { windowText } from "../../steps/window-calendar.ts";
import { sealedName } from "../../util/sealed-name.ts";
import { stepsByPath } from "../start/overrides.ts";

export function keepingOf(runbook: Runbook, windows: Readonly<Record<string, Window>>): KeepingFacts {
  const { evidence } = runbook;
  return {
    owner: runbook.owner,
    description: runbook.description,
    windows: [...stepsByPath(runbook)].flatMap(([path, { action }]) => {
      if (action.kind !== "uses" || action.type !== "window") return [];
      const name = String(action.with["name"]);
      const window = windows[name];
      if (window === undefined) return [];
      const mode = action.with["mode"] === "warn" ? "warn" : action.with["mode"] === "block" ? "block" : window.mode;
      return [{ step: path, name, hours: windowText(window), timezone: window.timezone, mode }];
    }),
    retentionMs: evidence.retentionMs,
    drillEveryMs: runbook.drillEveryMs,
    layout: evidence.report === null ? null : `files/${sealedName(evidence.report)}`,
    append: evidence.append,
    artifactsDir: evidence.artifactsDir,
  };
}
