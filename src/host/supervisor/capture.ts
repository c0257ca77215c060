/** Reads FIFOs to their end, masks in the stream and hands on masked bytes only. */

import { closeSync, readSync } from "node:fs";
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import type { MaskStream } from "../../util/mask/masker.ts";
import type { OutputFile } from "./output-file.ts";
import type { StreamSummary } from "./protocol.ts";

/** All readers read into this one buffer: each read is worked off before the next begins. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * A FIFO is read by events once its command has run this long, in milliseconds. Most end before: then a few plain reads tell
 * all, and making a socket would take as long as many a command.
 */
const LISTEN_AFTER_MS = 5;

/** Plain reads at the end of a command: something it left behind may write without end. */
const MOST_READS = 16;

/** Reads one FIFO to its end. */
export interface FifoReader {
  readonly fd: number;
  /** Starts to read. `onBytes` must be done with the bytes when it returns. */
  begin(onBytes: (bytes: Buffer) => void, onEnd: () => void): void;
  /** The command has ended: reads what is there now. Calls `onEnd` if that was all. */
  readRest(): void;
  /** Whether all writers have closed the FIFO. */
  isEnded(): boolean;
  /** Closes the descriptor. */
  stop(): void;
}

/** Owns `fd`, which does not block, from now on. */
export function createReader(fd: number): FifoReader {
  let state: "open" | "ended" | "stopped" = "open";
  let socket: Socket | null = null;
  let listening: NodeJS.Timeout | undefined;
  let take = (_bytes: Buffer): void => {};
  let tellEnd = (): void => {};

  function close(as: "ended" | "stopped"): void {
    state = as;
    clearTimeout(listening);
    if (socket === null) closeSync(fd);
    else socket.destroy();
  }

  function end(): void {
    if (state !== "open") return;
    close("ended");
    tellEnd();
  }

  function listen(): void {
    // `onread` is documented for connect() only, but it is the constructor that reads it; a FIFO is never connected.
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: readBuffer,
        callback: (count) => {
          take(readBuffer.subarray(0, count));
          return true;
        },
      },
    };
    socket = new Socket(options).on("end", end).on("error", end).resume();
  }

  /** Bytes now in `readBuffer`; 0 at the end, null when there are none yet: a process that the command left behind holds it open. */
  function readSome(): number | null {
    try {
      return readSync(fd, readBuffer, 0, readBuffer.length, null);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EAGAIN" ? null : 0;
    }
  }

  return {
    fd,
    begin(onBytes, onEnd) {
      take = onBytes;
      tellEnd = onEnd;
      listening = setTimeout(listen, LISTEN_AFTER_MS);
    },
    readRest() {
      if (state !== "open" || socket !== null) return;
      clearTimeout(listening);
      for (let reads = 0; reads < MOST_READS; reads++) {
        const count = readSome();
        if (count === null) break;
        if (count === 0) {
          end();
          return;
        }
        take(readBuffer.subarray(0, count));
      }
      listen();
    },
    isEnded: () => state === "ended",
    stop() {
      if (state === "open") close("stopped");
    },
  };
}

/** The masked output of one stream. */
export interface Capture {
  /** As that of its reader. */
  readRest(): void;
  /** Whether all writers have closed the FIFO. */
  isEnded(): boolean;
  /** Stops reading, flushes what the masker held back and closes the file. */
  finish(): StreamSummary;
}

/** Starts to read, masks in the stream and hands on masked bytes only. */
export function startCapture(source: {
  readonly reader: FifoReader;
  readonly masks: MaskStream;
  readonly file: OutputFile;
  readonly onMasked: ((bytes: Buffer) => void) | null;
  readonly onEnd: () => void;
}): Capture {
  const { reader, masks, file, onMasked, onEnd } = source;
  const take = (masked: Buffer): void => {
    if (masked.length === 0) return;
    if (onMasked !== null && file.hasRoom()) onMasked(masked);
    file.push(masked);
  };
  reader.begin((bytes) => take(masks.push(bytes)), onEnd);
  return {
    readRest: reader.readRest,
    isEnded: reader.isEnded,
    finish() {
      reader.stop();
      take(masks.end());
      return file.finish();
    },
  };
}
