import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One entry of `fly logs --json`. */
export interface LogEntry {
  readonly level: string;
  readonly instance: string;
  readonly message: string;
  readonly region: string;
  /** RFC 3339, UTC. */
  readonly timestamp: string;
  readonly meta: { readonly instance: string; readonly region: string; readonly event: { readonly provider: string } };
}

/** `fly logs --no-tail` shows what the platform still holds: the newest hundred entries. */
const SHOWN = 100;

/** The log of one app: the newest entries, kept in a file so that they outlive the platform. */
export class AppLog {
  readonly #path: string;
  #entries: LogEntry[] = [];
  #followers = new Set<(entry: LogEntry) => void>();

  constructor(folder: string, appName: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, `${appName}.ndjson`);
    this.#entries = readEntries(this.#path).slice(-SHOWN);
    this.#rewrite();
  }

  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  add(instance: string, region: string, level: string, message: string): void {
    const meta = { instance, region, event: { provider: "app" } };
    const entry = { level, instance, message, region, timestamp: new Date().toISOString(), meta };
    this.#entries.push(entry);
    if (this.#entries.length > SHOWN * 10) {
      this.#entries = this.#entries.slice(-SHOWN);
      this.#rewrite();
    } else {
      appendFileSync(this.#path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    }
    for (const follower of this.#followers) follower(entry);
  }

  newest(): readonly LogEntry[] {
    return this.#entries.slice(-SHOWN);
  }

  /** Calls back for each further entry until the returned function is called. */
  follow(onEntry: (entry: LogEntry) => void): () => void {
    this.#followers.add(onEntry);
    return () => this.#followers.delete(onEntry);
  }

  #rewrite(): void {
    writeFileSync(this.#path, this.#entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), { mode: 0o600 });
  }
}

// The last line may be torn by a crash; a log line is not worth refusing to start for.
function readEntries(path: string): LogEntry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as LogEntry];
    } catch {
      return [];
    }
  });
}
