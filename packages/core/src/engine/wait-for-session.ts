import type { CallOptions } from "../contract/call-options.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { EventLog } from "./event-log.ts";

export interface WaitOptions extends CallOptions {
  /** Sees `undefined` when the session is gone. */
  readonly until: (state: SessionState | undefined) => boolean;
}

/** Resolves with the state once it is as wanted, at once when it does already. Rejects with the signal's reason. */
export function waitForSession(log: EventLog, id: string, options: WaitOptions): Promise<SessionState | undefined> {
  const { signal, until } = options;
  const { promise, resolve, reject } = Promise.withResolvers<SessionState | undefined>();
  const look = (): void => {
    const state = log.get(id);
    if (until(state)) resolve(state);
  };
  const unsubscribe = log.subscribe(look);
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  look();
  return promise.finally(() => {
    unsubscribe();
    signal?.removeEventListener("abort", onAbort);
  });
}
