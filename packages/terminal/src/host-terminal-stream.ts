import {
  AgentError,
  OperationError,
  type ClauderonError,
  type ProcessExit,
  type TerminalChunk,
  type TerminalSize,
  type TerminalStream,
} from "@clauderon/core/contract";

import { decode } from "./decode-host-message.ts";
import { payloadObject, type HostFrame } from "./host-frame.ts";
import { InputWindow } from "./host-input-window.ts";
import type { HostLink, LinkStream } from "./host-link.ts";
import { frameTypes, hostLimits, sources } from "./host-protocol.ts";
import { OutputAllowance } from "./output-allowance.ts";

/** A viewer's end of an agent's terminal. */
export class HostTerminalStream implements TerminalStream, LinkStream {
  readonly output: AsyncIterable<TerminalChunk>;
  readonly ended: Promise<ProcessExit | undefined>;
  readonly #link: HostLink;
  readonly #sandboxId: string;
  readonly #id: number;
  readonly #input: InputWindow;
  readonly #allowance = new OutputAllowance(true);
  #chunks: TerminalChunk[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;
  /** The connection went first; the agent may go on. */
  #isLost = false;
  #consumed = 0;
  #resolveEnded: (exit: ProcessExit | undefined) => void = () => undefined;

  constructor(link: HostLink, id: number, sandboxId: string) {
    this.#link = link;
    this.#id = id;
    this.#sandboxId = sandboxId;
    this.#input = new InputWindow(link, id, () => this.#noInput());
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.output = { [Symbol.asyncIterator]: () => this.#read() };
  }

  frame(frame: HostFrame): void {
    const { type, payload } = frame;
    if (type === frameTypes.output) {
      this.#chunks.push(this.#allowance.take(frame));
      this.#wake?.();
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
    this.#isLost = true;
    this.#finish(undefined);
  }

  input(bytes: Uint8Array): Promise<void> {
    return this.#isOver ? Promise.reject(this.#noInput()) : this.#input.send(bytes);
  }

  async resize(size: TerminalSize): Promise<void> {
    if (!this.#isOver)
      await this.#link.request("stream.resize", { stream: this.#id, sandboxId: this.#sandboxId, size });
  }

  async setPaused(isPaused: boolean): Promise<void> {
    if (!this.#isOver) this.#link.send(frameTypes.pause, this.#id, Uint8Array.of(isPaused ? 1 : 0));
  }

  async close(): Promise<void> {
    if (!this.#isOver) this.#link.cancel(this.#id);
    this.#chunks = [];
    this.#finish(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #noInput(): ClauderonError {
    const { peer } = this.#link;
    if (!this.#isLost || peer.endsWithConnection) {
      return new AgentError({ code: "agent.ended", message: "The agent has ended", fix: ["start the session again"] });
    }
    return new OperationError({ message: `${peer.name} hung up`, fix: ["attach again"] });
  }

  #finish(exit: ProcessExit | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#input.close();
    this.#resolveEnded(exit);
    this.#wake?.();
  }

  async *#read(): AsyncGenerator<TerminalChunk, void, void> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          yield chunk;
          this.#grant(chunk.bytes.length);
        } else if (this.#isOver) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      await this.close();
    }
  }

  /** What has been read makes room for more, in portions worth a message. */
  #grant(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < hostLimits.outputWindowBytes / 4 || this.#isOver) return;
    this.#allowance.grant("stdout", this.#consumed);
    this.#link.sendCredit(this.#id, sources.stdout, this.#consumed);
    this.#consumed = 0;
  }
}
