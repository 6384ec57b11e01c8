import { readSync, writeSync } from "node:fs";
import { constants } from "node:os";

import { spawn, type IPty } from "@lydell/node-pty";

import { isErrorCode } from "./host-error-code.ts";
import type { HostProcess, HostProcessEvents, HostProcessOptions } from "./host-process.ts";
import type { HostTerminalSize, SourceName } from "./host-protocol.ts";

/** After the end of the process, output of what it left behind is awaited so many looks: until that many find nothing, and no longer than the other. */
const lookAfterEndMs = 20;
const quietLooksAfterEnd = 5;
const mostLooksAfterEnd = 50;
/** A read that gives so much is likely to be followed by another: the kernel gives 4 KiB at most. */
const flowBytes = 2048;
/** Reads in one go after the stream's own; then others get their turn. */
const readsAtOnce = 16;
const scratch = Buffer.allocUnsafeSlow(16_384);
/** Between two tries to write to a terminal whose buffer is full. */
const shortestRetryMs = 4;
const longestRetryMs = 64;

/** What of node-pty's own stream is needed: it closes 200 ms after the process, whether all was read or not. */
interface PtySocket {
  destroy(error?: Error): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Starts a process in a new terminal. */
export function spawnPty(
  options: HostProcessOptions & { readonly size: HostTerminalSize },
  events: HostProcessEvents,
): HostProcess {
  const { argv, cwd, size } = options;
  const [program, ...args] = argv;
  const pty = spawn(program, args, {
    name: options.environment["TERM"] ?? "xterm-256color",
    cols: size.columns,
    rows: size.rows,
    cwd,
    env: { ...options.environment },
    encoding: null,
  });
  return new PtyProcess(pty, events);
}

class PtyProcess implements HostProcess {
  readonly processId: number;
  readonly #pty: IPty;
  readonly #socket: PtySocket;
  readonly #file: number;
  #size: HostTerminalSize;
  #isClosed = false;
  #isFlowing = true;
  #queue: { bytes: Buffer; readonly done: () => void }[] = [];
  #retry: NodeJS.Timeout | undefined;
  #retryMs = shortestRetryMs;
  #outputs = 0;
  /** The process has ended, what it wrote is read to the end. */
  #isEnding = false;

  constructor(pty: IPty, events: HostProcessEvents) {
    this.#pty = pty;
    this.processId = pty.pid;
    const inner = pty as unknown as { readonly _socket: PtySocket; readonly fd: number };
    this.#socket = inner._socket;
    this.#file = inner.fd;
    this.#size = { columns: pty.cols, rows: pty.rows };
    this.#keepUntilRead();
    // With `encoding: null` the chunks are buffers, whatever the types say.
    pty.onData((data) => {
      const bytes = data as unknown as Buffer;
      this.#outputs += 1;
      events.output("stdout", bytes);
      if (bytes.length >= flowBytes) this.#readOn(events);
    });
    pty.onExit(({ exitCode, signal }) => {
      this.#close();
      const name = signal ? signalName(signal) : undefined;
      events.end({ exitCode: signal ? 128 + signal : exitCode, signal: name, isTimedOut: false });
    });
  }

  write(bytes: Buffer, done: () => void): void {
    if (this.#isClosed) return done();
    this.#queue.push({ bytes, done });
    if (this.#queue.length === 1) this.#drain();
  }

  /** The keyboard has no end of file; Ctrl-D is a key like others. */
  endInput(): void {}

  setFlowing(_source: SourceName, isFlowing: boolean): void {
    if (this.#isFlowing === isFlowing || this.#isEnding || this.#isClosed) return;
    this.#isFlowing = isFlowing;
    if (isFlowing) this.#socket.resume();
    else this.#socket.pause();
  }

  resize(size: HostTerminalSize): void {
    if (this.#isClosed || (size.columns === this.#size.columns && size.rows === this.#size.rows)) return;
    this.#size = size;
    this.#pty.resize(size.columns, size.rows);
  }

  /** Under flow each 4 KiB would be an event, a buffer and a stream's bookkeeping; read from the file they cost a call. */
  #readOn(events: HostProcessEvents): void {
    for (let reads = 0; reads < readsAtOnce && this.#isFlowing && !this.#isClosed; reads += 1) {
      try {
        const count = readSync(this.#file, scratch);
        if (count > 0) events.output("stdout", scratch.subarray(0, count));
        if (count < flowBytes) return;
      } catch {
        // Nothing is there now (EAGAIN), or ever again (EIO): the stream, which reads next, finds out.
        return;
      }
    }
  }

  /** node-pty writes with a stream that blocks the whole process when the terminal is full; the file itself does not. */
  #drain(): void {
    this.#retry = undefined;
    for (let item = this.#queue[0]; item !== undefined && !this.#isClosed; item = this.#queue[0]) {
      try {
        item.bytes = item.bytes.subarray(writeSync(this.#file, item.bytes));
        this.#retryMs = shortestRetryMs;
      } catch (error) {
        if (!isErrorCode(error, "EAGAIN")) return this.#dropInput();
        this.#retry = setTimeout(() => this.#drain(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
        return;
      }
      if (item.bytes.length > 0) continue;
      this.#queue.shift();
      item.done();
    }
  }

  #dropInput(): void {
    const waiting = this.#queue;
    this.#queue = [];
    for (const item of waiting) item.done();
  }

  #close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#dropInput();
  }

  #keepUntilRead(): void {
    const socket = this.#socket;
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error) => {
      // Reading fails when all was read and nobody is left who could write.
      if (error !== undefined || this.#isEnding || this.#isClosed) return destroy(error);
      this.#isEnding = true;
      this.#isFlowing = true;
      socket.resume();
      let seen = this.#outputs;
      let looks = 0;
      let quietLooks = 0;
      // Counted, not timed: between two looks there is a turn that reads what is there, also when this process was held up.
      const look = setInterval(() => {
        looks += 1;
        quietLooks = this.#outputs === seen ? quietLooks + 1 : 0;
        seen = this.#outputs;
        if (quietLooks < quietLooksAfterEnd && looks < mostLooksAfterEnd && !this.#isClosed) return;
        clearInterval(look);
        destroy();
      }, lookAfterEndMs);
      return socket;
    };
  }
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `SIG${number}`;
}
