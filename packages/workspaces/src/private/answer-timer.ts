/** Gives up an answer that is due and says nothing. */
export interface AnswerTimer extends Disposable {
  readonly signal: AbortSignal;
  /** Something was asked. */
  asked(): void;
  /** A part of the answer has come; what is done with it takes the time it takes. */
  heard(part: Uint8Array): void;
  /** It has been dealt with. */
  waits(): void;
}

/** gitprotocol-v2(5): what ends an answer. */
const FLUSH = Buffer.from("0000");

/** Without a limit it never does. `refusal` makes the reason. */
export function createAnswerTimer(stallMs: number | undefined, refusal: (why: string) => Error): AnswerTimer {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isDue = true;
  const start = (): void => {
    clearTimeout(timer);
    if (stallMs === undefined || !isDue) return;
    const why = `git inside the sandbox said nothing for ${String(stallMs / 1000)} s`;
    timer = setTimeout(() => controller.abort(refusal(why)), stallMs);
  };
  return {
    signal: controller.signal,
    asked: () => {
      isDue = true;
      start();
    },
    heard: (part) => {
      clearTimeout(timer);
      isDue = !Buffer.from(part.subarray(-FLUSH.length)).equals(FLUSH);
    },
    waits: start,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
