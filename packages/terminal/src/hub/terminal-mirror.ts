import type { TerminalSize } from "@clauderon/core/contract";
import type { Terminal } from "@xterm/headless";

import { createModeTracker } from "./mode-tracker.ts";

/** The screen as it is: written to a terminal that was reset, it looks and behaves the same. */
export interface TerminalSnapshot {
  /** Output goes on here. */
  readonly sequence: number;
  readonly columns: number;
  readonly rows: number;
  readonly data: string;
}

/** A terminal without a window that shows what the agent's shows. */
export interface TerminalMirror {
  /** Bytes that are not parsed yet. */
  readonly pendingBytes: number;
  readonly title: string;
  readonly size: TerminalSize;
  /** `end` is the sequence after these bytes. Answers to queries in bytes with `mayReply: false` are dropped. */
  write(bytes: Uint8Array, end: number, mayReply: () => boolean): void;
  /** Resolves when at most `bytes` are not parsed yet. */
  drained(bytes: number): Promise<void>;
  /** Calls back with the screen as of a moment at which all bytes written before the call are parsed. */
  snapshot(rows: number, take: (snapshot: TerminalSnapshot) => void): void;
  resize(size: TerminalSize): void;
  close(): void;
}

export interface TerminalMirrorOptions {
  readonly size: TerminalSize;
  readonly scrollbackRows: number;
  /** What the terminal answers to a query of the agent. */
  onReply(data: string): void;
  onTitle(title: string): void;
  onBell(): void;
}

/** Loads the emulator on first use: a process that shows no terminal does not pay for it. */
export async function createTerminalMirror(options: TerminalMirrorOptions): Promise<TerminalMirror> {
  const [headless, serialize] = await Promise.all([import("@xterm/headless"), import("@xterm/addon-serialize")]);
  const terminal: Terminal = new headless.default.Terminal({
    cols: options.size.columns,
    rows: options.size.rows,
    scrollback: options.scrollbackRows,
    allowProposedApi: true,
    logLevel: "off",
  });
  const addon = new serialize.default.SerializeAddon();
  terminal.loadAddon(addon);
  const modes = createModeTracker(terminal);

  let pendingBytes = 0;
  let parsedSequence = 0;
  let isClosed = false;
  /** Of the writes that are not parsed yet, oldest first. */
  const replyRules: (() => boolean)[] = [];
  let waiting: { readonly bytes: number; resolve(): void }[] = [];

  terminal.onData((data) => {
    if (replyRules[0]?.() === true) options.onReply(data);
  });
  terminal.onTitleChange((title) => options.onTitle(title));
  terminal.onBell(() => options.onBell());

  function wake(): void {
    const ready = waiting.filter((waiter) => isClosed || pendingBytes <= waiter.bytes);
    waiting = waiting.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }

  return {
    get pendingBytes() {
      return pendingBytes;
    },
    get title() {
      return modes.title;
    },
    get size() {
      return { columns: terminal.cols, rows: terminal.rows };
    },
    write(bytes, end, mayReply) {
      pendingBytes += bytes.byteLength;
      replyRules.push(mayReply);
      terminal.write(bytes, () => {
        pendingBytes -= bytes.byteLength;
        replyRules.shift();
        parsedSequence = end;
        wake();
      });
    },
    drained(bytes) {
      if (isClosed || pendingBytes <= bytes) return Promise.resolve();
      return new Promise((resolve) => {
        waiting.push({ bytes, resolve });
      });
    },
    snapshot(rows, take) {
      replyRules.push(() => false);
      terminal.write("", () => {
        replyRules.shift();
        if (isClosed) return;
        const data = `${modes.before()}${addon.serialize({ scrollback: rows })}${modes.after()}`;
        take({ sequence: parsedSequence, columns: terminal.cols, rows: terminal.rows, data });
      });
    },
    resize(size) {
      terminal.resize(size.columns, size.rows);
    },
    close() {
      isClosed = true;
      wake();
      terminal.dispose();
    },
  };
}
