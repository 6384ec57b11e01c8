import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { timed } from "./support/statistics.ts";
import { makeRepository } from "./support/test-repository.ts";

// What the daemon costs while 30 zellij sessions run and nothing happens: it has to see within 2 s that one was killed by hand.
const zellij = process.env["CLAUDERON_TEST_ZELLIJ"];
const count = 30;
// Longer than the minute between two reconciliations.
const idleSeconds = 70;
/** What starting leaves to do. */
const settleSeconds = 5;

/** User and system time of a process, from /proc/PID/stat; a tick is 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(program: string): Promise<object> {
  const root = await makeRoot();
  const sockets = path.join(root, "s");
  await mkdir(sockets, { mode: 0o700 });
  process.env["ZELLIJ_SOCKET_DIR"] = sockets;
  const config = `[agents.sleeper]\ncommand = ["sleep", "100000"]\n[zellij]\nprogram = ${JSON.stringify(program)}\n`;
  await using daemon = await startBenchDaemon({ root, config });
  const repository = path.join(root, "repository");
  await makeRepository(repository, 10);
  const createMs = await timed(async () => {
    for (let index = 0; index < count; index++)
      await daemon.clauderon.sessions.create({ repository, name: `i${index}`, backend: "zellij", agent: "sleeper" });
  });
  await wait(settleSeconds * 1000);
  const before = cpuMs(daemon.pid);
  await wait(idleSeconds * 1000);
  const cpuPercent = (cpuMs(daemon.pid) - before) / (idleSeconds * 10);
  return { sessions: count, createMs: Math.round(createMs / count), cpuPercent };
}

if (zellij === undefined) console.error("zellij was not measured: CLAUDERON_TEST_ZELLIJ names no program");
console.log(
  JSON.stringify({ targets: { cpuPercent: 5 }, idle: zellij === undefined ? undefined : await measure(zellij) }),
);
