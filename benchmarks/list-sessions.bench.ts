import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { fillHome } from "./support/fill-home.ts";
import { summary, timed } from "./support/statistics.ts";

// `list` with 1,000 sessions, and what the daemon costs while nothing happens.
const count = 1000;
// Longer than the minute between two reconciliations.
const idleSeconds = 70;
const root = await makeRoot();
await fillHome(path.join(root, "h"), count);
await using daemon = await startBenchDaemon({ root });
const times: number[] = [];
for (let round = 0; round < 110; round++) {
  const elapsedMs = await timed(async () => {
    const sessions = await daemon.clauderon.sessions.list();
    if (sessions.length !== count) throw new Error(`${sessions.length} sessions instead of ${count}`);
  });
  if (round >= 10) times.push(elapsedMs);
}
const before = cpuMs(daemon.pid);
await wait(idleSeconds * 1000);
const idle = { cpuPercent: (cpuMs(daemon.pid) - before) / (idleSeconds * 10), residentMb: residentMb(daemon.pid) };
console.log(
  JSON.stringify({
    targets: { p95Ms: 50, cpuPercent: 2, residentMb: 400, startMs: 500 },
    sessions: count,
    startMs: Math.round(daemon.startMs),
    list: summary(times),
    idle,
  }),
);

/** User and system time of a process, from /proc/PID/stat; a tick is 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMb(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
}
