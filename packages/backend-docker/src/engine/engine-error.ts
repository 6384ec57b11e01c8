/** What the engine answered, or why it did not: raw, before it is put into the words of a user. */
export class EngineError extends Error {
  /** Of HTTP; absent = there was no answer. */
  readonly status: number | undefined;
  /** Of the system: `ENOENT`, `EACCES`, `ECONNREFUSED`, …; `TIMEOUT` when the engine did not answer in time. */
  readonly systemCode: string | undefined;

  constructor(message: string, options: { readonly status?: number; readonly systemCode?: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EngineError";
    this.status = options.status;
    this.systemCode = options.systemCode;
  }
}

export function hasStatus(error: unknown, ...statuses: readonly number[]): error is EngineError {
  return error instanceof EngineError && error.status !== undefined && statuses.includes(error.status);
}
