import type { ProcessExit, TerminalChunk, TerminalSize, TerminalStream } from "@clauderon/core/contract";
import { spawn } from "@lydell/node-pty";

/** A real process in a real PTY, as the one `TerminalStream` of its terminal; counts what is asked of it. */
export interface PtyTerminal extends TerminalStream {
  readonly pauses: readonly boolean[];
  readonly resizes: readonly TerminalSize[];
  readonly inputs: readonly string[];
  kill(): void;
}

export function createPtyTerminal(argv: readonly [string, ...string[]], size?: TerminalSize): PtyTerminal {
  const [program, ...args] = argv;
  const pty = spawn(program, args, {
    cols: size?.columns ?? 80,
    rows: size?.rows ?? 24,
    encoding: null,
    env: { ...process.env, TERM: "xterm-256color" },
  });
  const pauses: boolean[] = [];
  const resizes: TerminalSize[] = [];
  const inputs: string[] = [];
  const ended = Promise.withResolvers<ProcessExit | undefined>();
  let sequence = 0;
  let isFinished = false;
  let finish: () => void = () => undefined;
  const output = new ReadableStream<TerminalChunk>({
    start(controller) {
      pty.onData((data) => {
        if (isFinished) return;
        const bytes = Buffer.from(data as unknown as Uint8Array);
        controller.enqueue({ sequence, bytes, source: "stdout", isReplay: false });
        sequence += bytes.byteLength;
      });
      finish = () => {
        if (isFinished) return;
        isFinished = true;
        controller.close();
      };
    },
  });
  pty.onExit(({ exitCode }) => {
    finish();
    ended.resolve({ exitCode, isTimedOut: false });
  });
  const close = async (): Promise<void> => {
    ended.resolve(undefined);
    finish();
    pty.kill("SIGKILL");
  };
  return {
    pauses,
    resizes,
    inputs,
    output,
    ended: ended.promise,
    kill: () => pty.kill("SIGKILL"),
    async input(bytes) {
      inputs.push(Buffer.from(bytes).toString());
      pty.write(Buffer.from(bytes).toString());
    },
    async resize(next) {
      resizes.push(next);
      pty.resize(next.columns, next.rows);
    },
    async setPaused(isPaused) {
      pauses.push(isPaused);
      if (isPaused) pty.pause();
      else pty.resume();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
