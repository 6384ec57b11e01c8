import type { CommandContext } from "../command/command-context.ts";

/**
 * Standard input as bytes; raw while it lives when asked for and when it is a terminal. Disposing puts the terminal's line mode back.
 */
export class RawKeyboard implements Disposable {
  readonly #stream: NodeJS.ReadStream;
  readonly #isRaw: boolean;
  readonly #onExit: () => void;
  readonly #resizeListeners: (() => void)[] = [];
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(context: Pick<CommandContext, "keyboard">, settings: { readonly isRaw: boolean }) {
    this.#stream = context.keyboard.stream;
    this.#isRaw = settings.isRaw && context.keyboard.isTerminal;
    // Whatever ends the process, the user's shell must get its terminal back in line mode.
    this.#onExit = () => {
      this.#restore();
    };
    if (this.#isRaw) {
      process.on("exit", this.#onExit);
      this.#stream.setRawMode(true);
    }
  }

  onResize(listener: () => void): void {
    this.#resizeListeners.push(listener);
    process.on("SIGWINCH", listener);
  }

  /** Ends with the input or with `close`. One reader. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const queue: Uint8Array[] = [];
    let isEnded = false;
    const wake = (): void => {
      this.#wake?.();
    };
    const onData = (chunk: Uint8Array | string): void => {
      queue.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      // The next piece is taken when this one has been: the sender waits.
      this.#stream.pause();
      wake();
    };
    const onEnd = (): void => {
      isEnded = true;
      wake();
    };
    this.#stream.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onEnd);
    try {
      while (!this.#isClosed) {
        const next = queue.shift();
        if (next !== undefined) {
          yield next;
          continue;
        }
        if (isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.#stream.resume();
        });
      }
    } finally {
      this.#stream.off("data", onData).off("end", onEnd).off("close", onEnd).off("error", onEnd);
      this.#stream.pause();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
    for (const listener of this.#resizeListeners.splice(0)) process.off("SIGWINCH", listener);
    process.off("exit", this.#onExit);
    this.#restore();
  }

  #restore(): void {
    if (this.#isRaw && this.#stream.isRaw) this.#stream.setRawMode(false);
  }
}
