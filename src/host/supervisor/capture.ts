/** Reads one FIFO to its end, masks in the stream and hands on masked bytes only. */

import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import type { MaskStream } from "../../util/mask/masker.ts";
import type { OutputFile } from "./output-file.ts";
import type { StreamSummary } from "./protocol.ts";

/** All captures read into this one buffer: each read is worked off before the next begins. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

export interface Capture {
  /** Whether all writers have closed the FIFO. */
  isEnded(): boolean;
  /** Stops reading, flushes what the masker held back and closes the file. */
  finish(): StreamSummary;
}

/** Starts to read `fd`, which it owns from now on. */
export function startCapture(source: {
  readonly fd: number;
  readonly masks: MaskStream;
  readonly file: OutputFile;
  readonly onMasked: ((bytes: Buffer) => void) | null;
  readonly onEnd: () => void;
}): Capture {
  const { fd, masks, file, onMasked, onEnd } = source;
  let isEnded = false;
  const take = (masked: Buffer): void => {
    if (masked.length === 0) return;
    if (onMasked !== null && file.hasRoom()) onMasked(masked);
    file.push(masked);
  };
  // `onread` is documented for connect() only, but it is the constructor that reads it; a FIFO is never connected.
  const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: readBuffer,
      callback: (count) => {
        take(masks.push(readBuffer.subarray(0, count)));
        return true;
      },
    },
  };
  const socket = new Socket(options);
  const end = (): void => {
    if (isEnded) return;
    isEnded = true;
    socket.destroy();
    onEnd();
  };
  socket.on("end", end).on("error", end).resume();
  return {
    isEnded: () => isEnded,
    finish() {
      socket.destroy();
      take(masks.end());
      return file.finish();
    },
  };
}
