/** Tells when the replay of what was written before has most likely arrived; being wrong costs a larger tail, nothing else. */
export interface Settled {
  readonly wait: Promise<void>;
  /** Something arrived. */
  touch(): void;
  /** Nothing more will arrive. */
  finish(): void;
}

/** How long nothing may have arrived at first, between pieces, and how long it may take in all. */
const FIRST_MS = 30;
const QUIET_MS = 5;
const LONGEST_MS = 200;

export function whenQuiet(): Settled {
  const { promise, resolve } = Promise.withResolvers<void>();
  const longest = setTimeout(finish, LONGEST_MS);
  let quiet = setTimeout(finish, FIRST_MS);
  let isFinished = false;

  function finish(): void {
    isFinished = true;
    clearTimeout(longest);
    clearTimeout(quiet);
    resolve();
  }

  return {
    wait: promise,
    finish,
    touch() {
      if (isFinished) return;
      clearTimeout(quiet);
      quiet = setTimeout(finish, QUIET_MS);
    },
  };
}
