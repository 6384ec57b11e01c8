import {
  CommandError,
  type ProcessExit,
  type ProcessHandle,
  type ProcessSignal,
  type TerminalSize,
} from "@clauderon/core/contract";

import { decode } from "./decode-host-message.ts";
import { payloadObject, type HostFrame } from "./host-frame.ts";
import { InputWindow } from "./host-input-window.ts";
import type { HostLink, LinkStream } from "./host-link.ts";
import { frameTypes, sources, type SourceName } from "./host-protocol.ts";
import { OutputAllowance } from "./output-allowance.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** A client's end of a process that runs in a sandbox. */
export class HostProcessHandle implements ProcessHandle, LinkStream {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly exit: Promise<ProcessExit>;
  readonly #link: HostLink;
  readonly #id: number;
  readonly #input: InputWindow;
  readonly #allowance = new OutputAllowance(false);
  readonly #outlets: Record<number, { controller: Controller | undefined; owed: number; isCancelled: boolean }> = {};
  #isOver = false;
  #settle: { resolve(exit: ProcessExit): void; reject(error: Error): void } | undefined;

  constructor(link: HostLink, id: number, hasInput: boolean) {
    this.#link = link;
    this.#id = id;
    this.#input = new InputWindow(link, id, inputClosed);
    this.stdout = this.#readable("stdout");
    this.stderr = this.#readable("stderr");
    this.stdin = this.#writable(hasInput);
    this.exit = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // A caller that never asks for the exit must not be ended by its failure.
    this.exit.catch(() => undefined);
  }

  frame(frame: HostFrame): void {
    const { type, payload } = frame;
    if (type === frameTypes.output) {
      const { source, bytes } = this.#allowance.take(frame);
      const outlet = this.#outlets[sources[source]];
      if (outlet === undefined) return;
      if (outlet.isCancelled) return this.#grant(source, bytes.length);
      outlet.owed += bytes.length;
      outlet.controller?.enqueue(new Uint8Array(bytes));
    } else if (type === frameTypes.credit) {
      this.#input.acknowledge(payload.readUInt32BE(1));
    } else if (type === frameTypes.end) {
      const { exit } = payloadObject(payload);
      const ended = exit === undefined ? undefined : decode.exit(exit);
      this.#link.forget(this.#id);
      this.#finish(ended);
    }
  }

  closed(): void {
    this.#finish(undefined);
  }

  async kill(signal: ProcessSignal = "SIGTERM"): Promise<void> {
    if (!this.#isOver) await this.#link.request("stream.signal", { stream: this.#id, signal });
  }

  async resize(size: TerminalSize): Promise<void> {
    if (!this.#isOver) await this.#link.request("stream.resize", { stream: this.#id, size });
  }

  #finish(exit: ProcessExit | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#input.close();
    for (const outlet of Object.values(this.#outlets)) if (!outlet.isCancelled) outlet.controller?.close();
    if (exit === undefined) this.#settle?.reject(this.#link.peer.outcomeUnknown());
    else this.#settle?.resolve(exit);
  }

  #grant(source: SourceName, bytes: number): void {
    this.#allowance.grant(source, bytes);
    this.#link.sendCredit(this.#id, sources[source], bytes);
  }

  #readable(source: SourceName): ReadableStream<Uint8Array> {
    const outlet: { controller: Controller | undefined; owed: number; isCancelled: boolean } = {
      controller: undefined,
      owed: 0,
      isCancelled: false,
    };
    this.#outlets[sources[source]] = outlet;
    const grant = (): void => {
      if (outlet.owed === 0 || this.#isOver) return;
      this.#grant(source, outlet.owed);
      outlet.owed = 0;
    };
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          outlet.controller = controller;
        },
        // Asked for more: all that was queued has been read.
        pull: grant,
        cancel: () => {
          outlet.isCancelled = true;
          grant();
        },
      },
      { highWaterMark: 1 },
    );
  }

  #writable(hasInput: boolean): WritableStream<Uint8Array> {
    const stream = new WritableStream<Uint8Array>({
      write: (bytes) => this.#input.send(bytes),
      close: () => {
        if (!this.#isOver) this.#link.send(frameTypes.inputEnd, this.#id);
      },
      abort: () => {
        if (!this.#isOver) this.#link.send(frameTypes.inputEnd, this.#id);
      },
    });
    if (!hasInput) void stream.close();
    return stream;
  }
}

function inputClosed(): CommandError {
  return new CommandError({ message: "The process has ended and reads no more input", fix: ["read its exit"] });
}
