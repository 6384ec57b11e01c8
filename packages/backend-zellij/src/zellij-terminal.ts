import { setTimeout as delay } from "node:timers/promises";

import {
  AgentError,
  type AgentProcessStatus,
  type ProcessExit,
  type TerminalChunk,
  type TerminalSize,
  type TerminalStream,
} from "@clauderon/core/contract";
import type * as NodePty from "@lydell/node-pty";

import { bulkText } from "./bulk-text.ts";
import { FirstDrawing } from "./first-drawing.ts";
import { PtyInput } from "./pty-input.ts";

const WAITING_BYTES = 1024 * 1024;
const QUIET_MS = 120;
const LAST_WORDS_MS = 1500;
/** A client that has drawn nothing by then is handed over as it is; what is typed waits on. */
const DRAWN_MS = 10_000;
const ATTACHES = 5;
/** The client has handled by then what was typed: text that takes the other way does not overtake it. */
const TYPED_MS = 1000;

export interface ZellijTerminalOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly size: TerminalSize;
  /** Resolves at the agent's end; rejects when the signal aborts. */
  readonly agentEnd: (signal: AbortSignal) => Promise<AgentProcessStatus>;
  /** Looked at when a client was turned away: cheap. */
  readonly isAgentRunning: () => boolean;
  /** Puts text into the agent's pane, past the client. Resolves with the portions it did not take. */
  readonly write: (portions: readonly string[]) => Promise<readonly string[]>;
  /** Ends the waiting for the client's first drawing. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client of the zellij session in a terminal of ours: it is there while somebody views, and its end detaches. Resolves when it has drawn something.
 * A client that is turned away while the agent lives is replaced: now and then zellij does not find a living session, or takes a new client for the
 * one that had its number before and has just left.
 */
export async function openZellijTerminal(options: ZellijTerminalOptions): Promise<TerminalStream> {
  const { spawn } = await import("@lydell/node-pty");
  for (let attempt = 1; ; attempt += 1) {
    const client = spawn(options.program, [...options.args], {
      cols: options.size.columns,
      rows: options.size.rows,
      cwd: options.cwd,
      env: { ...options.environment },
      encoding: null,
    });
    const terminal = new ZellijTerminal(client, options);
    try {
      await drawnInTime(terminal, options.signal);
    } catch (error) {
      await terminal.close();
      throw error;
    }
    if (!terminal.isTurnedAway || attempt === ATTACHES || !options.isAgentRunning()) return terminal;
    await terminal.close();
  }
}

/** Rejects with the signal's reason only. */
async function drawnInTime(terminal: ZellijTerminal, signal: AbortSignal | undefined): Promise<void> {
  const isOver = new AbortController();
  const signals = signal === undefined ? [isOver.signal] : [isOver.signal, signal];
  try {
    const late = delay(DRAWN_MS, undefined, { signal: AbortSignal.any(signals) });
    await Promise.race([terminal.drawn, terminal.ended, late]);
  } catch {
    signal?.throwIfAborted();
  } finally {
    isOver.abort();
  }
}

class ZellijTerminal implements TerminalStream {
  readonly output: AsyncIterable<TerminalChunk>;
  readonly ended: Promise<ProcessExit | undefined>;
  /** Resolves when zellij has drawn something for the client, or at the client's end. */
  readonly drawn: Promise<void>;
  readonly #drawn: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #drawing = new FirstDrawing();
  readonly #client: NodePty.IPty;
  readonly #clientEnd: Promise<void>;
  readonly #input: PtyInput;
  readonly #write: ZellijTerminalOptions["write"];
  readonly #closing = new AbortController();
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #sequence = 0;
  #lastInput: Promise<void> = Promise.resolve();
  #lastTyped = Number.NEGATIVE_INFINITY;
  #lastOutput = performance.now();
  #hasClientEnded = false;
  #isOver = false;
  #wake: () => void = () => undefined;
  #size: TerminalSize;

  constructor(client: NodePty.IPty, options: ZellijTerminalOptions) {
    this.#client = client;
    this.drawn = this.#drawn.promise;
    this.#size = options.size;
    this.#write = options.write;
    this.#input = new PtyInput((client as unknown as { readonly fd: number }).fd);
    // Without an encoding the binding gives bytes, whatever its types say.
    client.onData((data: unknown) => this.#take(data as Uint8Array));
    this.#clientEnd = new Promise((resolve) => {
      client.onExit(() => {
        this.#hasClientEnded = true;
        this.#input.close();
        this.#drawn.resolve();
        resolve();
      });
    });
    this.output = this.#read();
    this.ended = this.#end(options);
  }

  /** The client has ended without having drawn anything. */
  get isTurnedAway(): boolean {
    return this.#hasClientEnded && !this.#drawing.isSeen;
  }

  async input(bytes: Uint8Array): Promise<void> {
    this.#refuseEnded();
    const taken = this.#lastInput.then(() => this.#enter(bytes));
    this.#lastInput = taken.catch(() => undefined);
    await taken;
  }

  async resize(size: TerminalSize): Promise<void> {
    if (this.#isOver || (size.columns === this.#size.columns && size.rows === this.#size.rows)) return;
    this.#size = size;
    this.#client.resize(size.columns, size.rows);
  }

  async setPaused(): Promise<void> {
    // A screen is drawn as it is when its viewer has time: nothing has to wait.
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #enter(bytes: Uint8Array): Promise<void> {
    // What is typed before zellij's server knows the client is lost.
    await this.drawn;
    this.#refuseEnded();
    const portions = performance.now() - this.#lastTyped < TYPED_MS ? undefined : bulkText(bytes);
    const rest = portions === undefined ? bytes : new TextEncoder().encode((await this.#write(portions)).join(""));
    if (rest.length === 0) return;
    this.#refuseEnded();
    await this.#input.write(rest);
    this.#lastTyped = performance.now();
  }

  #take(bytes: Uint8Array): void {
    this.#lastOutput = performance.now();
    if (this.#drawing.take(bytes)) this.#drawn.resolve();
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    if (this.#waitingBytes > WAITING_BYTES) this.#client.pause();
    this.#wake();
  }

  async *#read(): AsyncGenerator<TerminalChunk, void, undefined> {
    for (;;) {
      const bytes = this.#waiting.shift();
      if (bytes !== undefined) {
        this.#waitingBytes -= bytes.byteLength;
        if (this.#waitingBytes <= WAITING_BYTES) this.#client.resume();
        const sequence = this.#sequence;
        this.#sequence += bytes.byteLength;
        yield { sequence, bytes, source: "stdout", isReplay: false };
        continue;
      }
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The agent's end is told after its last words were drawn; a client that left by itself (detached by its keys) says nothing of the agent. */
  async #end(options: ZellijTerminalOptions): Promise<ProcessExit | undefined> {
    const { signal } = this.#closing;
    try {
      const agent = options.agentEnd(signal).then((status) => ({ status }));
      const left = this.#clientEnd.then(() => delay(QUIET_MS));
      const first = (await Promise.race([agent, left])) ?? (await Promise.race([agent, delay(LAST_WORDS_MS)]));
      if (first === undefined) return undefined;
      await this.#lastWords();
      return first.status.exit;
    } catch {
      // Closed by the viewer: `agentEnd` rejects with the abort and with nothing else.
      return undefined;
    } finally {
      this.#closing.abort();
      await this.#leave();
      this.#isOver = true;
      this.#wake();
    }
  }

  async #lastWords(): Promise<void> {
    const deadline = performance.now() + LAST_WORDS_MS;
    const begin = performance.now();
    while (!this.#hasClientEnded && performance.now() < deadline) {
      const isQuiet =
        performance.now() - Math.max(this.#lastOutput, begin) > QUIET_MS && this.#sequence + this.#waitingBytes > 0;
      if (isQuiet) return;
      await delay(QUIET_MS / 4);
    }
  }

  async #leave(): Promise<void> {
    if (!this.#hasClientEnded) this.#client.kill("SIGKILL");
    this.#client.resume();
    await this.#clientEnd;
  }

  #refuseEnded(): void {
    if (!this.#isOver && !this.#hasClientEnded && !this.#closing.signal.aborted) return;
    throw new AgentError({
      code: "agent.ended",
      message: "The agent's terminal has ended",
      fix: ["open the terminal again, or start the session again"],
    });
  }
}

/** What is left of a terminal whose session is gone: its last text. */
export function keptTerminal(text: string, exit: ProcessExit | undefined): TerminalStream {
  const bytes = new TextEncoder().encode(text.replaceAll("\n", "\r\n"));
  const chunks: TerminalChunk[] = bytes.length === 0 ? [] : [{ sequence: 0, bytes, source: "stdout", isReplay: true }];
  const nothing = async (): Promise<void> => undefined;
  return {
    output: ReadableStream.from(chunks),
    ended: Promise.resolve(exit),
    input: async () => {
      throw new AgentError({
        code: "agent.ended",
        message: "The agent has ended",
        fix: ["start the session again"],
      });
    },
    resize: nothing,
    setPaused: nothing,
    close: nothing,
    [Symbol.asyncDispose]: nothing,
  };
}
