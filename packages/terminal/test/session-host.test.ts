import { fork, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { isProcessRunning, keeperEnvironment } from "@clauderon/core/host";
import { afterEach, describe, expect, test } from "vitest";

import { connectSessionHost, createSessionHostClient, hostPaths, type SessionHostClient } from "../src/index.ts";
import { builtSessionHost } from "./built-session-host.ts";

const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", SECRET_OF_CALLER: "hunter2" };
const shell = (script: string): [string, ...string[]] => ["/bin/sh", "-c", script];
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), "clauderon-host-"));
  cleanups.push(() => rmSync(home, { recursive: true, force: true, maxRetries: 10 }));
  return home;
}

async function start(
  home: string,
  program?: string,
  idleMs?: number,
): Promise<{ client: SessionHostClient; processId: number; instanceId: string }> {
  const instanceId = randomUUID();
  const client = await connectSessionHost({ homeDirectory: home, instanceId, program, idleMs, startIfMissing: true });
  const processId = (await client.info())?.processId ?? 0;
  cleanups.push(async () => {
    await client.close();
    if (isProcessRunning(processId)) process.kill(processId, "SIGKILL");
  });
  return { client, processId, instanceId };
}

/** Another process that connects; it ends with the test, as it holds what this process writes to. */
function forkConnector(args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL("connect.fixture.ts", import.meta.url));
  const child = fork(path, args, { execArgv: ["--conditions", "@clauderon/source"] });
  const ended = once(child, "exit");
  cleanups.push(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return child;
}

/** Makes a pipe in the file system; `ended` resolves when whoever wrote to it has ended. */
function pipeOfLife(path: string): { readonly ended: Promise<unknown> } {
  mkdirSync(dirname(path), { recursive: true });
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  const reader = spawn("cat", [path], { stdio: "ignore" });
  cleanups.push(() => reader.kill("SIGKILL"));
  return { ended: once(reader, "exit") };
}

/** To be called before the host starts: its log is a pipe then, whose end is the host's. */
function endOfHost(home: string): { readonly ended: Promise<unknown> } {
  return pipeOfLife(hostPaths(home).log);
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

/** How many hosts ever served the home. */
function hostsOf(home: string): number {
  const { log } = hostPaths(home);
  return existsSync(log) ? readFileSync(log, "utf8").split("listens on").length - 1 : 0;
}

describe("the session host", () => {
  test("goes on working when its package is deleted underneath it", async () => {
    const home = newHome();
    const directory = join(home, "package");
    const { client } = await start(home, await builtSessionHost(directory));
    rmSync(directory, { recursive: true });
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
    await client.startAgent(sandboxId, { launchId: randomUUID(), argv: shell("echo agent; read x"), mode: "terminal" });
    const piped = await client.exec(sandboxId, shell("cat; exit 4"), { stdin: "pipe" });
    const writer = piped.stdin.getWriter();
    await writer.write(Buffer.from("in"));
    await writer.close();
    expect([await textOf(piped.stdout), (await piped.exit).exitCode]).toEqual(["in", 4]);
    const inTerminal = await client.exec(sandboxId, shell("stty size"), { terminal: { columns: 70, rows: 20 } });
    expect(await textOf(inTerminal.stdout)).toBe("20 70\r\n");
    await client.closeSandbox(sandboxId, { graceMs: 200 });
    expect(await client.listSandboxes()).toEqual([]);
  });

  test("stays within 60 MB for itself and 1 MB per session, rings full", async () => {
    const home = newHome();
    const { client, processId } = await start(home, await builtSessionHost(join(home, "package")));
    const residentBytes = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1]) * 1024;
    const own = residentBytes();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (const sandboxId of ids) {
      await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
      await client.startAgent(sandboxId, {
        launchId: randomUUID(),
        argv: shell("head -c 1000000 /dev/zero | tr '\\0' x"),
        mode: "terminal",
      });
      expect((await client.agentExit(sandboxId)).exit?.exitCode).toBe(0);
    }
    const each = (residentBytes() - own) / ids.length;
    process.stdout.write(
      `session host: ${(own / 1e6).toFixed(1)} MB for itself, ${(each / 1e6).toFixed(2)} MB per session with a full ring\n`,
    );
    expect(own).toBeLessThanOrEqual(60e6);
    expect(each).toBeLessThanOrEqual(1e6);
    for (const sandboxId of ids) await client.closeSandbox(sandboxId);
  });

  test("is one, however many connect at once, also from several processes", async () => {
    const home = newHome();
    const children = Array.from({ length: 3 }, () => forkConnector([home]));
    const [mine, ...theirs] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, () => start(home))),
      ...children.map(async (child) => ((await once(child, "message")) as [number])[0]),
    ]);
    const ids = new Set([...mine.map(({ processId }) => processId), ...theirs]);
    expect(ids.size).toBe(1);
    expect(hostsOf(home)).toBe(1);
  });

  test("outlives a client that is killed, and is found again by the next", async () => {
    const home = newHome();
    const { client, processId } = await start(home);
    const child = forkConnector([home, "agent"]);
    const [found] = (await once(child, "message")) as [number];
    expect(found).toBe(processId);
    child.kill("SIGKILL");
    await once(child, "exit");
    await using other = createSessionHostClient({ homeDirectory: home, instanceId: "fixture" });
    expect(await other.listSandboxes()).toMatchObject([
      { sandboxId: "fixture", state: "running", agent: { state: "running" } },
    ]);
    await other.closeSandbox("fixture", { graceMs: 200 });
    expect((await client.info())?.processId).toBe(processId);
  });

  // A machine that is busy with other things may take longer once, not again and again.
  test(
    "replaces a host that was killed, and those who waited for an agent learn it at once",
    { retry: 2 },
    async () => {
      const home = newHome();
      const { client, processId } = await start(home);
      const sandboxId = randomUUID();
      await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
      const agent = pipeOfLife(join(home, "agent"));
      await client.startAgent(sandboxId, {
        launchId: randomUUID(),
        argv: shell(`exec 3> '${join(home, "agent")}'; read x`),
        mode: "terminal",
      });
      const stream = await client.agentTerminal(sandboxId);
      const handle = await client.exec(sandboxId, shell("read x"), { stdin: "pipe" });
      const waiting = client.agentExit(sandboxId);
      const killedAt = performance.now();
      process.kill(processId, "SIGKILL");
      expect(await waiting).toEqual({ state: "lost" });
      expect(await stream.ended).toBeUndefined();
      await expect(handle.exit).rejects.toMatchObject({ code: "sandbox.not-running" });
      expect(performance.now() - killedAt).toBeLessThan(2000);
      // Its terminal is gone.
      await agent.ended;
      expect(await client.listSandboxes()).toEqual([]);
      await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
      const replacement = (await client.info())?.processId ?? 0;
      cleanups.push(() => process.kill(replacement, "SIGKILL"));
      expect(replacement).not.toBe(processId);
    },
  );

  test("ends by itself when nothing needs it", async () => {
    const home = newHome();
    const host = endOfHost(home);
    const { client, processId, instanceId } = await start(home, undefined, 100);
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
    const sleeper = pipeOfLife(join(home, "sleeper"));
    const exec = await client.exec(sandboxId, shell(`exec 3> '${join(home, "sleeper")}'; sleep 0.5`));
    await client.close();
    // Five times the idle time, measured by a process of the sandbox that nobody watches.
    await expect(exec.exit).rejects.toBeDefined();
    await sleeper.ended;
    expect(isProcessRunning(processId)).toBe(true);
    const owner = createSessionHostClient({ homeDirectory: home, instanceId });
    await owner.closeSandbox(sandboxId);
    await owner.close();
    await host.ended;
    expect(existsSync(hostPaths(home).socket)).toBe(false);
  });

  test("ends with everything that runs in it when its home is deleted", async () => {
    const home = newHome();
    const host = endOfHost(home);
    const { client } = await start(home);
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "a", cwd: "/", environment });
    const agent = await client.startAgent(sandboxId, {
      launchId: randomUUID(),
      argv: shell("trap '' HUP TERM; while :; do sleep 0.1; done"),
      mode: "terminal",
    });
    rmSync(home, { recursive: true });
    await host.ended;
    expect(isProcessRunning(agent.processId ?? 0)).toBe(false);
  });

  test("keeps the caller's environment in memory, and carries no mark of a session itself", async () => {
    const home = newHome();
    process.env["CLAUDERON_SESSION"] = "outer";
    process.env["CREDENTIAL_OF_DAEMON"] = "hunter3";
    process.env["CLAUDERON_SANDBOX_ID"] = "outer/outer";
    cleanups.push(() => {
      delete process.env["CLAUDERON_SESSION"];
      delete process.env["CREDENTIAL_OF_DAEMON"];
      delete process.env["CLAUDERON_SANDBOX_ID"];
    });
    const { client, processId, instanceId } = await start(home);
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
    const handle = await client.exec(sandboxId, ["env"]);
    expect((await textOf(handle.stdout)).split("\n").filter(Boolean).sort()).toEqual(
      [
        `CLAUDERON_SANDBOX_ID=${instanceId}/${sandboxId}`,
        ...Object.entries(environment).map((entry) => entry.join("=")),
      ].sort(),
    );
    expect(readFileSync(`/proc/${processId}/environ`, "utf8")).not.toMatch(/CLAUDERON_S|hunter/);
    expect(spawnSync("grep", ["-rlF", "--devices=skip", "hunter2", home], { encoding: "utf8" }).stdout).toBe("");
  });
});

describe("the socket's directory", () => {
  test.each([
    ["is a symlink", (run: string, other: string) => symlinkSync(other, run)],
    ["is open to others", (run: string) => (mkdirSync(run), chmodSync(run, 0o755))],
    ["is a file", (run: string) => writeFileSync(run, "")],
  ])("is refused when it %s", async (_what, prepare) => {
    const home = newHome();
    prepare(hostPaths(home).runDirectory, mkdtempSync(join(home, "other")));
    await expect(connectSessionHost({ homeDirectory: home, instanceId: "i", startIfMissing: true })).rejects.toThrow(
      /refused|EEXIST|ENOTDIR/,
    );
    expect(hostsOf(home)).toBe(0);
  });

  test("a key that others can read is refused", async () => {
    const home = newHome();
    const { client } = await start(home);
    await client.close();
    chmodSync(hostPaths(home).key, 0o644);
    await expect(
      connectSessionHost({ homeDirectory: home, instanceId: "i", startIfMissing: true }),
    ).rejects.toMatchObject({ code: "path.refused" });
  });
});

describe("the end of a process tree", () => {
  test("spares the daemon that a command inside started, and nothing else", async () => {
    const home = newHome();
    const { client } = await start(home);
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
    const keeper = Object.entries(keeperEnvironment({ PATH: environment.PATH })).map((entry) => entry.join("="));
    const script = [
      `setsid env -i ${keeper.join(" ")} sleep 300 & echo keeper $!`,
      "env -i sleep 301 & echo child $!",
      "(setsid sh -c 'sleep 302 & echo daemon $!' &) ",
      "sh -c 'trap \"\" TERM HUP; echo stubborn $$; while :; do sleep 0.1; done' & wait",
    ].join("\n");
    const handle = await client.exec(sandboxId, shell(script));
    const reader = handle.stdout.getReader();
    let text = "";
    while (text.split("\n").length < 5) text += Buffer.from((await reader.read()).value ?? []).toString();
    const ids = Object.fromEntries(
      text
        .trim()
        .split("\n")
        .map((line) => line.split(" "))
        .map(([name, id]) => [name, Number(id)]),
    ) as Record<string, number>;
    cleanups.push(() => ids["keeper"] && isProcessRunning(ids["keeper"]) && process.kill(ids["keeper"], "SIGKILL"));
    const started = performance.now();
    await client.stopSandbox(sandboxId, { graceMs: 500 });
    expect(performance.now() - started).toBeGreaterThanOrEqual(490);
    const alive = Object.entries(ids)
      .filter(([, id]) => isProcessRunning(id))
      .map(([name]) => name);
    expect(alive).toEqual(["keeper"]);
    await expect(client.exec(sandboxId, ["true"])).rejects.toMatchObject({ code: "sandbox.not-running" });
  });

  test("an interactive shell, which ignores SIGTERM, does not use up the grace time", async () => {
    const home = newHome();
    const { client } = await start(home);
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "a", cwd: home, environment });
    await client.startAgent(sandboxId, { launchId: randomUUID(), argv: ["bash", "--norc", "-i"], mode: "terminal" });
    await using stream = await client.agentTerminal(sandboxId);
    for await (const { bytes } of stream.output)
      if (Buffer.from(bytes).includes("$") || Buffer.from(bytes).includes("#")) break;
    const started = performance.now();
    await client.stopSandbox(sandboxId, { graceMs: 30_000 });
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});
