import { setTimeout as wait } from "node:timers/promises";

/** Resolves once the condition holds; throws the complaint after the deadline (default 30 s). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  complaint: string,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(complaint);
    await wait(10);
  }
}
