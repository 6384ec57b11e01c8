import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

import { createClient, findRunningDaemon, stopDaemon } from "@clauderon/core";
import { afterEach, expect, test } from "vitest";

import { TestHome } from "./daemon-process.ts";
import { daemonProgram } from "./daemon-program.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;
const graceMs = 300;

const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

/** A process of Node that runs the script, and the first it says. */
async function startScript(
  script: string,
  ...args: readonly string[]
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const options = ["--conditions", "@clauderon/source", "--input-type=module", "--eval", script, ...args];
  const child = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: said.toString().trim() };
}

function hasOpen(processId: number | undefined, file: string): boolean {
  const directory = `/proc/${processId}/fd`;
  return readdirSync(directory).some((name) => {
    try {
      return readlinkSync(path.join(directory, name)) === file;
    } catch {
      // Closed meanwhile.
      return false;
    }
  });
}

function writeDaemonFile(home: TestHome, file: { readonly pid: number | undefined; readonly url: string }): void {
  const content = { ...file, version: "0.1.0", home: home.home, startedAt: new Date().toISOString() };
  writeFileSync(path.join(home.home, "daemon.json"), JSON.stringify(content));
}

test(
  "a daemon that hangs is ended, and the next command has a new one",
  async () => {
    await using home = new TestHome();
    const { child, ended } = home.start();
    await until(async () => (await findRunningDaemon(home.home)) !== undefined, "no daemon answers");
    child.kill("SIGSTOP");
    expect(await stopDaemon(home.home, { graceMs })).toBe(true);
    expect((await ended).code).toBe("SIGKILL");
    const options = { homeDirectory: home.home, environment: home.environment, program: daemonProgram };
    await using client = createClient(options);
    expect(await client.sessions.list()).toEqual([]);
    expect(await stopDaemon(home.home)).toBe(true);
    expect(await stopDaemon(home.home)).toBe(false);
  },
  LONG_MS,
);

test.runIf(process.platform === "linux")(
  "a daemon that waits for another's home ends at once when it is asked to",
  async () => {
    await using home = new TestHome();
    const { child } = home.start();
    await until(async () => (await findRunningDaemon(home.home)) !== undefined, "no daemon answers");
    child.kill("SIGSTOP");
    const waiting = home.start();
    await until(() => hasOpen(waiting.child.pid, path.join(home.home, "daemon.lock")), "the second does not try");
    const askedMs = performance.now();
    waiting.child.kill("SIGTERM");
    expect(await waiting.ended).toEqual({ code: 0, stderr: "" });
    // It waits ten seconds for a daemon that does not answer.
    expect(performance.now() - askedMs).toBeLessThan(8000);
  },
  LONG_MS,
);

test(
  "a daemon that answers after two seconds is found",
  async () => {
    await using home = new TestHome();
    const script = `
      import { createServer } from "node:http";
      const health = { status: "ok", product: "clauderon", version: "0.1.0", pid: process.pid };
      const server = createServer((_request, response) => setTimeout(() => response.end(JSON.stringify(health)), 2000));
      server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
    const { child, said } = await startScript(script);
    writeDaemonFile(home, { pid: child.pid, url: `http://127.0.0.1:${said}` });
    expect((await findRunningDaemon(home.home))?.pid).toBe(child.pid);
    child.kill("SIGKILL");
    await once(child, "exit");
  },
  LONG_MS,
);

test(
  "a daemon that hangs before it answers anywhere is ended",
  async () => {
    await using home = new TestHome();
    const lock = path.resolve(import.meta.dirname, "../src/instance/home-lock.ts");
    const script = `
      const { tryHomeLock } = await import(process.argv[1]);
      globalThis.held = tryHomeLock(process.argv[2]);
      process.on("SIGTERM", () => undefined);
      setInterval(() => undefined, 1_000_000);
      console.log(globalThis.held === undefined ? "refused" : "held");`;
    const { child, said } = await startScript(script, lock, home.home);
    expect(said).toBe("held");
    const ended = once(child, "exit");
    expect(await stopDaemon(home.home, { graceMs })).toBe(true);
    expect(await ended).toEqual([null, "SIGKILL"]);
  },
  LONG_MS,
);

test(
  "a daemon that answers and does not end is ended",
  async () => {
    await using home = new TestHome();
    const script = `
      import { createServer } from "node:http";
      process.on("SIGTERM", () => undefined);
      const health = { status: "ok", product: "clauderon", version: "0.1.0", pid: process.pid };
      const server = createServer((_request, response) => response.end(JSON.stringify(health)));
      server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
    const { child, said } = await startScript(script);
    writeDaemonFile(home, { pid: child.pid, url: `http://127.0.0.1:${said}` });
    const ended = once(child, "exit");
    expect(await stopDaemon(home.home, { graceMs })).toBe(true);
    expect(await ended).toEqual([null, "SIGKILL"]);
  },
  LONG_MS,
);

test(
  "a process that has the id of a daemon of before is left alone",
  async () => {
    await using home = new TestHome();
    const { child: bystander } = await startScript('setInterval(() => undefined, 1_000_000); console.log("here");');
    writeDaemonFile(home, { pid: bystander.pid, url: "http://127.0.0.1:1" });
    expect(await stopDaemon(home.home, { graceMs })).toBe(false);
    expect(bystander.exitCode ?? bystander.signalCode).toBe(null);
    const ended = once(bystander, "exit");
    bystander.kill("SIGTERM");
    expect(await ended).toEqual([null, "SIGTERM"]);
  },
  LONG_MS,
);
