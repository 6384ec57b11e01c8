import { setTimeout as wait } from "node:timers/promises";

/** Resolves once the condition holds; throws the complaint after the deadline (default 60 s: far more than anything here needs). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  complaint: string | (() => string),
  deadlineMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(typeof complaint === "string" ? complaint : complaint());
    await wait(10);
  }
}
