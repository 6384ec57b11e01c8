import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { sampleSessionState } from "@clauderon/core/testing";
import { createSqliteStore } from "@clauderon/store";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { summary, timed } from "./support/statistics.ts";

// `list` with 1,000 sessions, and what the daemon costs while nothing happens.
const count = 1000;
const idleSeconds = 20;
const root = await makeRoot();
await fill(path.join(root, "h"));
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

async function fill(home: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  await using store = await createSqliteStore({ path: path.join(home, "db.sqlite") });
  for (let index = 0; index < count; index++) {
    const state = sampleSessionState({ name: `session-${index}`, lifecycle: "stopped" });
    await store.append({
      sessionId: state.id,
      sessionName: state.name,
      at: state.updatedAt,
      events: [],
      state,
      expectedRevision: 0,
    });
  }
}

/** User and system time of a process, from /proc/PID/stat; a tick is 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMb(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
}
