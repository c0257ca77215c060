/**
 * The inbox of a run: how other processes speak to its executor. One file a message, put in place by rename, read in
 * order of name; the journal is the answer. Works for an executor that is not there yet.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, lstatSync, readdirSync, readFileSync, unlinkSync, watch } from "node:fs";
import { join } from "node:path";
import type { InboxMessage, ReceivedMessage } from "../engine/ports.ts";
import { makeDirectory, replaceFile } from "./durable-file.ts";

const inboxName = "inbox";
/** `fs.watch` may miss events (inotify limits, exotic file systems): a slow look catches up. */
const pollMs = 250;

/** What a message of each kind has; one without would end its reader, and again every later one. */
const members: Readonly<Record<InboxMessage["kind"], readonly string[]>> = {
  decision: ["step", "decision", "by", "reason", "shownDigest", "signature", "attachments"],
  override: ["step", "reason", "by"],
  abort: ["by", "reason", "rollback", "now"],
  rollback: ["begin", "by"],
  signal: ["signal", "press"],
};

/** What lies in a file. A press is meant for who works then: `reader` is its process id, and nobody else obeys it. */
type Letter = InboxMessage & { readonly reader?: number };

/**
 * Leaves a message, for one executor (its process id) or for whichever comes; durable when it returns. Gives its file,
 * which is gone when somebody has taken it.
 */
export function leaveMessage(runDir: string, message: InboxMessage, reader?: number): string {
  const directory = join(runDir, inboxName);
  makeDirectory(directory);
  const name = `${String(Date.now()).padStart(15, "0")}-${randomBytes(4).toString("hex")}.json`;
  replaceFile(join(directory, name), `${JSON.stringify({ ...message, reader })}\n`);
  return join(directory, name);
}

/**
 * Hands out the messages there are, except those whose names are in `taken`, to which it adds them. Their files stay until
 * `remove`; a file that is no message, or one for an executor that is gone, is removed unseen.
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

/** Null = not a message for us: whoever wrote it can write anything, also nothing. */
function messageIn(file: string): InboxMessage | null {
  try {
    if (!lstatSync(file).isFile()) return null; // reading a FIFO would wait for its writer
    const { reader = process.pid, ...message } = JSON.parse(readFileSync(file, "utf8")) as Letter;
    if (reader !== process.pid) return null;
    return members[message.kind].every((name) => name in message) ? message : null;
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
