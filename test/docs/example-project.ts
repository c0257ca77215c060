/** The project in which examples of the documents run, and what may differ between what they print and what is shown. */
import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { root } from "./markdown.ts";

export function prepareProject(dir: string): void {
  const project = join(dir, "project");
  mkdirSync(join(dir, "home"), { recursive: true });
  mkdirSync(join(project, "keys"), { recursive: true });
  copyFileSync(join(root, "runbook.config.yaml"), join(project, "runbook.config.yaml"));
  cpSync(join(root, "runbooks"), join(project, "runbooks"), { recursive: true });
}

/** A document shows no account and no folder of the machine it was made on. */
export function withoutMachine(text: string): string {
  const { username } = userInfo();
  return text
    .replaceAll(new RegExp(`\\b${username}@[\\w.-]+`, "g"), "operator@example")
    .replace(/node \S+sandbox\.cjs stop --state-dir \S+/g, "npm run -s sandbox -- stop")
    .replace(/ +$/gm, "");
}

/** Without order, ids, times, ports and digests. */
export function comparable(text: string): string[] {
  return text
    .split("\n")
    .map((line) =>
      line
        .replace(/\brb-[2-9a-z]{6}\b/g, "rb-RUN")
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "INSTANT")
        .replace(/\b\d\d:\d\d:\d\d(?:Z|\b)/g, "TIME")
        // The sandbox counts its releases back from the real day, not from that of the example.
        .replace(/(operators@shop\.example\s+)\d{4}-\d\d-\d\d/g, "$1DATE")
        .replace(/sha256:[0-9a-f]+…?/g, "sha256:HASH")
        .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
        .replace(/\bpid \d+/g, "pid PID")
        .replace(/\b[0-9a-f]{14}\b/g, "MACHINE")
        .replace(/-?\b\d+(?:\.\d+)?(?:ms|s)\b/g, "DURATION")
        .replace(/\b\d+ records\b/g, "N records")
        .replace(/\[#\d+\]\(journal\.ndjson#L\d+\)/g, "[#N]")
        .replace(/\b\d+m DURATION/g, "DURATION")
        .replace(/DURATION ago|just now/g, "AGO")
        .replace(/\s+/g, " ")
        .trim(),
    )
    .filter((line) => line !== "")
    .sort();
}
