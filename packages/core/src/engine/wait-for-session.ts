import type { SessionState } from "../contract/session-state.ts";
import type { EventLog } from "./event-log.ts";

/** Resolves with the state once it satisfies the predicate, at once when it does already. Rejects with the signal's reason. */
export function waitForSession(
  log: EventLog,
  id: string,
  predicate: (state: SessionState | undefined) => boolean,
  signal?: AbortSignal,
): Promise<SessionState | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<SessionState | undefined>();
  const look = (): void => {
    const state = log.get(id);
    if (predicate(state)) resolve(state);
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
