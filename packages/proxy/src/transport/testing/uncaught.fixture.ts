/** What would have ended the process while the work ran, and for a moment after it. */
export async function uncaughtIn(work: () => Promise<unknown>): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  const listeners = process.rawListeners("uncaughtException") as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => errors.push(error));
  try {
    await work();
    for (let turns = 0; turns < 20; turns += 1) await new Promise((fulfil) => setImmediate(fulfil));
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
  return errors;
}
