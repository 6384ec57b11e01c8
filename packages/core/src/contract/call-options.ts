/** What every method that waits takes as its last argument. */
export interface CallOptions {
  /** Abort = stop waiting. The thing waited for goes on; ending it is always an explicit call. Rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
