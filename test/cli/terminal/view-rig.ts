/** Feeds journals to the live view: a screen of its own, a clock that stands where a test puts it, no timer. */

import { type LiveOptions, liveProgress } from "../../../src/cli/terminal/live-progress.ts";
import type { Progress } from "../../../src/cli/terminal/plain-progress.ts";
import { asciiSymbols, type Terminal, unicodeSymbols } from "../../../src/cli/terminal/terminal.ts";
import type { JournalRecord } from "../../../src/engine/events.ts";
import { applyRecord, newRunRecord } from "../../../src/engine/fold.ts";
import type { RunRecord } from "../../../src/engine/run-record.ts";
import type { JournalBuilder } from "../../rig/journal-builder.ts";
import { Emulator } from "./emulator.ts";

export interface ViewOptions extends Partial<LiveOptions> {
  readonly columns?: number;
  readonly rows?: number;
  readonly ascii?: boolean;
  readonly color?: boolean;
}

export class ViewRig {
  readonly emulator: Emulator;
  bytes = "";
  run: RunRecord | null = null;
  nowMs = 0;
  private readonly progress: Progress;
  private read = 0;
  private tick: () => void = () => {};
  readonly stream: { write(text: string): boolean; columns: number; rows: number };

  constructor({ columns = 80, rows = 24, ascii = false, color = false, ...live }: ViewOptions = {}) {
    this.emulator = new Emulator(columns, rows);
    this.stream = {
      columns,
      rows,
      write: (text) => {
        this.bytes += text;
        return this.emulator.write(text.replaceAll("\n", "\r\n"));
      },
    };
    const terminal: Terminal = {
      colorErr: color,
      colorOut: color,
      symbols: ascii ? asciiSymbols : unicodeSymbols,
      width: columns,
      interactive: true,
      progress: "tty",
    };
    this.progress = liveProgress(terminal, {
      stream: this.stream,
      nowMs: () => this.nowMs,
      timer: (draw) => {
        this.tick = draw;
        return () => {};
      },
      ...live,
    });
  }

  /** Shows what the builder wrote since; the clock goes to the builder's. */
  show(builder: JournalBuilder): this {
    for (const line of builder.lines.slice(this.read)) {
      const record = JSON.parse(line) as JournalRecord;
      if (this.run === null) this.run = newRunRecord(record);
      else applyRecord(this.run, record);
      this.nowMs = Date.parse(record.at);
      this.progress.record(record, this.run);
    }
    this.read = builder.lines.length;
    return this.at(builder.now);
  }

  /** The same for a run of which an earlier command showed the first records. */
  showFrom(builder: JournalBuilder, seen: number): this {
    for (const line of builder.lines.slice(0, seen)) {
      const record = JSON.parse(line) as JournalRecord;
      if (this.run === null) this.run = newRunRecord(record);
      else applyRecord(this.run, record);
    }
    this.read = seen;
    return this.show(builder);
  }

  /** Time passes; the view draws. */
  at(time: string): this {
    this.nowMs = Date.parse(time);
    this.tick();
    return this;
  }

  /** The terminal changes its width. */
  resize(columns: number): this {
    this.emulator.resize(columns);
    this.stream.columns = columns;
    this.tick();
    return this;
  }

  end(): this {
    this.progress.end();
    return this;
  }

  get screen(): string {
    return this.emulator.text.join("\n");
  }
}
