/** A request that was taken and not written: nobody knows anything of it, so that it may go another way. */
export class UnsentError extends Error {
  readonly code = "NOT_SENT";

  constructor() {
    super("the way that the request was given does not hold any more");
    this.name = "UnsentError";
  }
}

/** What pools say that were closed before the request came; the second one is undici's. */
const closedCodes: ReadonlySet<unknown> = new Set(["POOL_CLOSED", "UND_ERR_CLOSED"]);

/** Whether the error says that nothing was written. */
export function isUnsent(error: Error & { readonly code?: unknown }): boolean {
  return error instanceof UnsentError || closedCodes.has(error.code);
}
