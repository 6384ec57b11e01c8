import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

import type { ProcessFacts } from "./place.ts";

/**
 * Answers each `facts` message of the parent with what the process uses, each `settled` one after a collection of garbage (which costs the engine its
 * optimised code for a while, so rates are not measured after one); ends with its parent.
 */
export function answerFacts(): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on("message", (message) => {
    if (message !== "facts" && message !== "settled") return;
    if (message === "settled") globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const facts: ProcessFacts = {
      cpuMicroseconds: user + system,
      residentBytes: process.memoryUsage.rss(),
      descriptors: process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0,
      stallMs: delay.max / 1e6,
    };
    delay.reset();
    process.send?.({ facts });
  });
  process.on("disconnect", () => process.exit());
}
