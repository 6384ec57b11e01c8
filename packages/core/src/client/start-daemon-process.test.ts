import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { ensureDaemon } from "./ensure-daemon.ts";
import { stopDaemon } from "./stop-daemon.ts";

/** Answers as the daemon of the home that the environment names. */
const DAEMON = `
const home = process.env.CLAUDERON_HOME;
const word = () => JSON.stringify({ status: "ok", product: "clauderon", version: "0.0.0", pid: process.pid });
const server = require("node:http").createServer((_request, response) => response.end(word()));
server.listen(0, "127.0.0.1", () => {
  const file = { pid: process.pid, version: "0.0.0", home, startedAt: new Date().toISOString() };
  const url = "http://127.0.0.1:" + server.address().port;
  require("node:fs").writeFileSync(home + "/daemon.json", JSON.stringify({ ...file, url }));
});
`;

/** Says that it started, and becomes a daemon when it is let go. Ignores what it is asked to run. */
const SLOW = `echo $$ > "$CLAUDERON_HOME/slow"; while [ ! -e "$CLAUDERON_HOME/go" ]; do sleep 0.02; done; exec "$0" -e "$1"`;

async function newHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "clauderon-start-"));
  onTestFinished(async () => {
    await stopDaemon(home);
    await rm(home, { recursive: true, force: true, maxRetries: 10 });
  });
  return home;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(10);
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

test("of two that start at once, the one that was not needed does not come up later", async () => {
  const homeDirectory = await newHome();
  const slow = ensureDaemon({ homeDirectory, program: ["sh", "-c", SLOW, process.execPath, DAEMON] });
  await until(() => existsSync(join(homeDirectory, "slow")));
  const fast: ChildProcess = spawn(process.execPath, ["-e", DAEMON], {
    env: { ...process.env, CLAUDERON_HOME: homeDirectory },
    stdio: "ignore",
  });
  const { file } = await slow;
  expect(file.pid).toBe(fast.pid);
  const ended = once(fast, "exit");
  expect(await stopDaemon(homeDirectory)).toBe(true);
  await ended;
  const slowId = Number(await readFile(join(homeDirectory, "slow"), "utf8"));
  await until(() => !isRunning(slowId));
  expect(await stopDaemon(homeDirectory)).toBe(false);
});

test("a daemon that a program of the user's starts in its turn stays", async () => {
  const homeDirectory = await newHome();
  const { file } = await ensureDaemon({
    homeDirectory,
    program: ["sh", "-c", '"$0" -e "$1"; true', process.execPath, DAEMON],
  });
  expect(isRunning(file.pid)).toBe(true);
  expect(await stopDaemon(homeDirectory)).toBe(true);
});
