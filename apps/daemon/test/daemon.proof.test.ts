import { chmodSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import path from "node:path";

import { createClient, findRunningDaemon, stopDaemon } from "@clauderon/core";
import { expect, test } from "vitest";

import { TestHome } from "./daemon-process.ts";
import { daemonProgram } from "./daemon-program.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;

const answers = async (home: TestHome): Promise<void> =>
  until(async () => (await findRunningDaemon(home.home)) !== undefined, "no daemon answers");

test(
  "a port that is taken is refused, saying by whom",
  async () => {
    await using home = new TestHome();
    const server = createServer().listen(0, "127.0.0.1");
    await until(() => server.listening, "no port");
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await home.start({ CLAUDERON_PORT: String(port) }).ended;
    server.close();
    const { error } = JSON.parse(stderr) as { readonly error: { readonly code: string; readonly why: string } };
    expect([code, error.code]).toEqual([1, "daemon.port-taken"]);
    expect(error.why).toContain(`process ${process.pid}`);
  },
  LONG_MS,
);

test(
  "another home's daemon is named as what it is",
  async () => {
    await using first = new TestHome();
    await using second = new TestHome();
    first.start();
    await answers(first);
    const running = await findRunningDaemon(first.home);
    const port = new URL(running?.url ?? "").port;
    const { stderr } = await second.start({ CLAUDERON_PORT: port }).ended;
    expect(stderr).toContain(`another clauderon home, ${first.home}`);
    expect(stderr).not.toContain("kill ");
    expect(stderr).toContain(String(running?.pid));
  },
  LONG_MS,
);

test(
  "the token is private; one that others could read is replaced; one that is gone is made anew",
  async () => {
    await using home = new TestHome();
    const tokenPath = path.join(home.home, "token");
    const read = (): string => readFileSync(tokenPath, "utf8").trim();
    const used: string[] = [];
    const statusWith = async (token: string): Promise<number> => {
      const url = `${(await findRunningDaemon(home.home))?.url}/api/sessions`;
      return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
    };
    const restart = async (): Promise<string> => {
      const { child, ended } = home.start();
      await answers(home);
      const token = read();
      expect(statSync(tokenPath).mode & 0o777).toBe(0o600);
      expect(await statusWith(token)).toBe(200);
      // D04: one of before opens nothing any more.
      for (const other of used) if (other !== token) expect(await statusWith(other)).toBe(401);
      used.push(token);
      child.kill("SIGTERM");
      expect((await ended).code).toBe(0);
      return token;
    };
    const first = await restart();
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(await restart()).toBe(first);
    chmodSync(tokenPath, 0o644);
    const second = await restart();
    expect(second).not.toBe(first);
    unlinkSync(tokenPath);
    expect(await restart()).not.toBe(second);
    expect(readFileSync(path.join(home.home, "logs", "daemon.log"), "utf8")).not.toContain(second);
  },
  LONG_MS,
);

test(
  "a wrong configuration is told by whoever asked for the daemon",
  async () => {
    await using home = new TestHome();
    writeFileSync(path.join(home.home, "config.toml"), "[general]\ndefualt_backend = 1\n");
    await using client = createClient({
      homeDirectory: home.home,
      environment: home.environment,
      program: daemonProgram,
    });
    await expect(client.sessions.list()).rejects.toMatchObject({ code: "settings.invalid" });
  },
  LONG_MS,
);

test(
  "a daemon that a command inside a session started survives the stop of that session",
  async () => {
    await using outer = new TestHome();
    await using inner = new TestHome();
    outer.start();
    await answers(outer);
    await using client = createClient({
      homeDirectory: outer.home,
      environment: outer.environment,
      startDaemon: false,
    });
    const session = await client.sessions.create({ name: "outer", repository: outer.repository });
    const script = 'CLAUDERON_HOME=$0 CLAUDERON_PORT=0 exec "$@" >/dev/null 2>&1';
    await session.spawn(["sh", "-c", script, inner.home, ...daemonProgram]);
    await answers(inner);
    const daemon = await findRunningDaemon(inner.home);
    await session.stop({ graceMs: 500 });
    expect((await findRunningDaemon(inner.home))?.pid).toBe(daemon?.pid);
    const response = await fetch(`${daemon?.url}/healthz`);
    expect(response.status).toBe(200);
    expect(await stopDaemon(inner.home)).toBe(true);
    await session.delete({ discard: true });
  },
  LONG_MS,
);

test(
  "a daemon started inside a session carries none of its marks",
  async () => {
    await using home = new TestHome();
    const { child } = home.start({
      CLAUDERON_SESSION: "outer",
      CLAUDERON_SESSION_ID: "outer-id",
      CLAUDERON_SANDBOX_ID: "instance/outer-id",
    });
    await answers(home);
    const running = await findRunningDaemon(home.home);
    expect(running?.pid).not.toBe(child.pid);
    const environment = readFileSync(`/proc/${running?.pid}/environ`, "utf8");
    expect(environment).not.toMatch(/CLAUDERON_(SESSION|SANDBOX_ID)/);
    expect(environment).toContain("CLAUDERON_KEEPER=1");
    expect(await stopDaemon(home.home)).toBe(true);
  },
  LONG_MS,
);

test(
  "a command that meets a daemon that hangs says which it is, and what to do",
  async () => {
    await using home = new TestHome();
    const { child } = home.start();
    await answers(home);
    child.kill("SIGSTOP");
    await using client = createClient({
      homeDirectory: home.home,
      environment: home.environment,
      program: daemonProgram,
    });
    await expect(client.sessions.list()).rejects.toMatchObject({
      code: "daemon.already-running",
      message: expect.stringContaining(`process ${child.pid}`),
      fix: [expect.stringContaining("clauderon daemon restart")],
    });
    expect(await stopDaemon(home.home, { graceMs: 300 })).toBe(true);
    expect(await client.sessions.list()).toEqual([]);
  },
  LONG_MS,
);
