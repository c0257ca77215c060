/**
 * The inbox of a run: how other processes speak to its executor. One file a message, put in place by rename, read in
 * order of name; the journal is the answer. Works for an executor that is not there yet.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, readdirSync, readFileSync, unlinkSync, watch } from "node:fs";
import { join } from "node:path";
import type { InboxMessage, ReceivedMessage } from "../engine/ports.ts";
import { makeDirectory, replaceFile } from "./durable-file.ts";

const inboxName = "inbox";
/** `fs.watch` may miss events (inotify limits, exotic file systems): a slow look catches up. */
const pollMs = 250;

/** Leaves a message; durable when it returns. Gives its file, which is gone when somebody has taken it. */
export function leaveMessage(runDir: string, message: InboxMessage): string {
  const directory = join(runDir, inboxName);
  makeDirectory(directory);
  const name = `${String(Date.now()).padStart(15, "0")}-${randomBytes(4).toString("hex")}.json`;
  replaceFile(join(directory, name), `${JSON.stringify(message)}\n`);
  return join(directory, name);
}

/**
 * Hands out the messages there are, except those whose names are in `taken`, to which it adds them. Their files stay until
 * `remove`; a file that is no message is removed unseen.
 */
export function takeMessages(runDir: string, taken: Set<string>): ReceivedMessage[] {
  const directory = join(runDir, inboxName);
  let names: string[];
  try {
    names = readdirSync(directory)
      .filter((name) => /^\d+-[0-9a-f]+\.json$/.test(name) && !taken.has(name))
      .sort();
  } catch {
    return [];
  }
  const messages: ReceivedMessage[] = [];
  for (const name of names) {
    const file = join(directory, name);
    taken.add(name);
    const message = messageIn(file);
    if (message === null) remove(file);
    else messages.push({ message, remove: () => remove(file) });
  }
  return messages;
}

/** One that cannot be removed comes again, and is known by then. */
function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // a disk that takes no changes: the journal will say so
  }
}

/** Null = not a message: whoever wrote it can write anything, also nothing. */
function messageIn(file: string): InboxMessage | null {
  try {
    const message = JSON.parse(readFileSync(file, "utf8")) as InboxMessage;
    return ["decision", "override", "abort", "rollback", "signal"].includes(message.kind) ? message : null;
  } catch {
    return null;
  }
}

/** Calls `listener` whenever the inbox may have changed; returns how to stop. Keeps the process alive no longer. */
export function watchInbox(runDir: string, listener: () => void): () => void {
  const directory = join(runDir, inboxName);
  makeDirectory(directory);
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(directory, { persistent: false }, listener);
    watcher.on("error", () => watcher?.close());
  } catch {
    // the poll below is enough
  }
  const timer = setInterval(listener, pollMs);
  timer.unref();
  return () => {
    watcher?.close();
    clearInterval(timer);
  };
}
