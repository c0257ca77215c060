/** Reads FIFOs to their end, masks in the stream and hands on masked bytes only. */

import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import type { MaskStream } from "../../util/mask/masker.ts";
import type { OutputFile } from "./output-file.ts";
import type { StreamSummary } from "./protocol.ts";

/** All readers read into this one buffer: each read is worked off before the next begins. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Reads one FIFO to its end. It is made ahead of its command: making it takes longer than many a command runs. */
export interface FifoReader {
  readonly fd: number;
  /** Starts to read. `onBytes` must be done with the bytes when it returns. */
  begin(onBytes: (bytes: Buffer) => void, onEnd: () => void): void;
  /** Whether all writers have closed the FIFO. */
  isEnded(): boolean;
  /** Closes the descriptor. */
  stop(): void;
}

/** Owns `fd` from now on. */
export function createReader(fd: number): FifoReader {
  let isEnded = false;
  let take = (_bytes: Buffer): void => {};
  let tellEnd = (): void => {};
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
  const socket = new Socket(options);
  const end = (): void => {
    if (isEnded) return;
    isEnded = true;
    socket.destroy();
    tellEnd();
  };
  socket.on("end", end).on("error", end);
  return {
    fd,
    begin(onBytes, onEnd) {
      take = onBytes;
      tellEnd = onEnd;
      socket.resume();
    },
    isEnded: () => isEnded,
    stop: () => socket.destroy(),
  };
}

/** The masked output of one stream. */
export interface Capture {
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
    isEnded: reader.isEnded,
    finish() {
      reader.stop();
      take(masks.end());
      return file.finish();
    },
  };
}
