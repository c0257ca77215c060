/**
 * The viewer's side of an announced way back (`engine/undo-notice.ts`): how long it is announced, what is shown, and
 * what a typed line means. `b` begins it; `l` and `?` only show; any other line, an empty one too, stops it.
 */
import type { RunRecord } from "../../engine/run-record.ts";
import { leaveMessage } from "../../host/inbox.ts";
import type { Command } from "../command.ts";
import { starter } from "../start/starter.ts";
import { noteLines } from "./live-layout.ts";
import type { Look } from "./live-look.ts";

const noticeMs = 15_000;

/** Milliseconds; 0 where nobody could stop it, and with `-y`. */
export function undoNoticeMs({ terminal, args }: Command): number {
  const isWatched = terminal.interactive && terminal.progress !== "quiet" && !args.on("detach");
  return isWatched && !args.on("yes") ? noticeMs : 0;
}

/** Whether the way back is announced, not begun and not answered. */
function isAnnounced(run: RunRecord | null): run is RunRecord & { undoNotice: object } {
  return run?.undoNotice?.begin === null && run.rollback === null && run.finished === null;
}

export const noticeKeys = "b Enter  now · Enter  stop, undo nothing";

/** The line that counts down at the bottom of the live view. */
export function countdownLines(run: RunRecord, look: Look): string[] {
  if (!isAnnounced(run)) return [];
  const { at, noticeMs: ms } = run.undoNotice as NonNullable<RunRecord["undoNotice"]>;
  const leftMs = Math.max(0, Date.parse(at) + ms - look.nowMs);
  return noteLines(look, "undone", "warning", `rolling back in ${Math.ceil(leftMs / 1_000)}s · ${noticeKeys}`);
}

/** Takes a typed line as the answer, when one is due; true = it was one. */
export function answerNotice(runDir: string, run: RunRecord | null, word: string): boolean {
  if (!isAnnounced(run) || word === "l" || word === "?") return false;
  leaveMessage(runDir, { kind: "rollback", begin: word === "b", by: starter() });
  return true;
}
