import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";

import { createCarrierHub } from "@clauderon/proxy";
import { createGuestClient, dialGuestSocket, type GuestClient } from "@clauderon/terminal";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { buildGuest, hasGo, type BuiltGuest } from "./required-go.ts";
import { runGuest, type RunningGuest } from "./run-guest.ts";

const shell = (script: string): [string, ...string[]] => ["/bin/sh", "-c", script];
const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", GIVEN: "yes" };

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

describe.runIf(hasGo("the client of a guest"))("a client of a real guest", { timeout: 60_000 }, () => {
  let built: BuiltGuest;
  const cleanups: (() => unknown)[] = [];
  beforeAll(() => {
    built = buildGuest();
  });
  afterAll(() => built[Symbol.dispose]());
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function start(...args: readonly string[]): Promise<{
    readonly guest: RunningGuest;
    readonly client: GuestClient;
    readonly connections: Duplex[];
    readonly sandboxId: string;
    readonly open: () => Promise<void>;
  }> {
    const guest = await runGuest(built.program, args);
    cleanups.push(() => guest.stop());
    const connections: Duplex[] = [];
    const client = createGuestClient({
      instanceId: "i",
      key: guest.key,
      async dial() {
        const socket = await dialGuestSocket(guest.socket);
        if (socket !== undefined) connections.push(socket);
        return socket;
      },
    });
    cleanups.push(() => client.close());
    const sandboxId = randomUUID();
    const open = (): Promise<void> => client.openSandbox({ sandboxId, name: "n", cwd: guest.directory, environment });
    return { guest, client, connections, sandboxId, open };
  }

  test("knows it, opens its sandbox and runs commands there", async () => {
    const { guest, client, sandboxId, open } = await start();
    expect(await client.untilReady()).toMatchObject({ processId: guest.processId, protocol: 1, guest: "0.1.0" });
    expect(await client.inspectSandbox(sandboxId)).toBeUndefined();
    await expect(client.exec(sandboxId, ["true"])).rejects.toMatchObject({ code: "sandbox.not-running" });
    await open();
    expect(await client.inspectSandbox(sandboxId)).toMatchObject({ state: "running", agent: { state: "none" } });
    const command = await client.exec(sandboxId, shell("cat; echo $GIVEN $MORE >&2; exit 4"), {
      stdin: "pipe",
      environment: { MORE: "more" },
    });
    const writer = command.stdin.getWriter();
    await writer.write(Buffer.from("x".repeat(300_000)));
    await writer.close();
    const [out, error, { exitCode }] = await Promise.all([
      textOf(command.stdout),
      textOf(command.stderr),
      command.exit,
    ]);
    expect([out.length, error, exitCode]).toEqual([300_000, "yes more\n", 4]);
    const inTerminal = await client.exec(sandboxId, shell("stty size; read line; stty size"), {
      terminal: { columns: 70, rows: 20 },
    });
    await inTerminal.resize({ columns: 71, rows: 21 });
    const typed = inTerminal.stdin.getWriter();
    await typed.write(Buffer.from("\n"));
    expect(await textOf(inTerminal.stdout)).toMatch(/21 71/u);
    const sleeping = await client.exec(sandboxId, ["sleep", "1000"]);
    await sleeping.kill("SIGINT");
    expect(await sleeping.exit).toMatchObject({ signal: "SIGINT" });
    const missing = await client.exec(sandboxId, ["no-such-program"]);
    expect((await missing.exit).exitCode).toBe(127);
  });

  test("starts its agent once, goes on with its terminal where it was cut, and stops it", async () => {
    const { client, connections, sandboxId, open } = await start();
    await open();
    const script = 'stty -echo; i=0; while read line; do i=$((i+1)); stty size; echo "$i $line"; done';
    const launch = { launchId: randomUUID(), argv: shell(script), mode: "terminal" } as const;
    const first = await client.startAgent(sandboxId, launch);
    expect((await client.startAgent(sandboxId, launch)).processId).toBe(first.processId);
    let seen = "";
    let next = 0;
    for (const [round, word] of ["one", "two", "three"].entries()) {
      const terminal = await client.agentTerminal(sandboxId, { since: next });
      await terminal.resize({ columns: 80 + round, rows: 30 });
      await terminal.input(Buffer.from(`${word}\n`));
      for await (const { sequence, bytes } of terminal.output) {
        expect(sequence).toBe(next);
        next += bytes.length;
        seen += Buffer.from(bytes).toString();
        if (seen.includes(`${round + 1} ${word}`)) break;
      }
      connections.at(-1)?.destroy();
      expect(await terminal.ended).toBeUndefined();
    }
    expect(
      seen
        .replaceAll("\r", "")
        .trim()
        .split("\n")
        .filter((line) => /^\d [a-z]+$/u.test(line)),
    ).toEqual(["1 one", "2 two", "3 three"]);
    expect(seen).toContain("30 82");
    expect(connections.length).toBe(3);
    const exit = client.agentExit(sandboxId);
    await client.stopSandbox(sandboxId, { graceMs: 500 });
    expect(await exit).toMatchObject({ state: "exited", launchId: launch.launchId });
    expect(await client.inspectSandbox(sandboxId)).toMatchObject({ state: "stopped" });
    expect((await client.startAgent(sandboxId, launch)).state).toBe("exited");
    await client.closeSandbox(sandboxId);
    expect(await client.listSandboxes()).toEqual([]);
  });

  test("is told of reports, as they come and after a lost connection, and what can be reached", async () => {
    const { guest, client, connections } = await start();
    const hook = (event: string): unknown =>
      spawnSync(built.program, ["hook", "--hook-socket", guest.hookSocket, event], { input: '{"session_id":"x"}' });
    const waiting = client.waitForReports();
    await client.info();
    hook("Stop");
    const told = await waiting;
    expect(told).toMatchObject({ lost: 0, reports: [{ sequence: 1, event: "Stop", payload: { session_id: "x" } }] });
    const later = client.waitForReports({ since: 1 });
    await client.info();
    connections[0]?.destroy();
    hook("Notification");
    expect((await later).reports).toMatchObject([{ sequence: 2, event: "Notification" }]);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.on("connection", (socket) => socket.destroy());
    const targets = [`tcp:127.0.0.1:${port}`, "tcp:127.0.0.1:1"];
    const probe = await client.probeEgress({ targets, timeoutMs: 5000 });
    server.close();
    expect(probe.results.map(({ outcome }) => outcome)).toEqual(["reached", "refused"]);
    expect(probe.interfaces.some(({ isLoopback }) => isLoopback)).toBe(true);
    await expect(client.probeEgress({ targets: ["file:/etc/passwd"] })).rejects.toMatchObject({
      code: "request.refused",
      message: expect.stringContaining("The guest in the sandbox says"),
    });
  });

  test("brings carriers, one after another, and what goes over the channel goes on", async () => {
    const port = createServer().listen(0, "127.0.0.1");
    await once(port, "listening");
    const { port: proxyPort } = port.address() as { port: number };
    port.close();
    const { client } = await start("--proxy-port", String(proxyPort));
    const hub = createCarrierHub({
      accept: async (stream) => {
        stream.pipe(stream);
      },
    });
    cleanups.push(() => hub.close());
    await client.untilReady();
    const bring = async (): Promise<Duplex> => {
      const carrier = await client.carry();
      const accepted = hub.acceptCarrier(carrier, "s1");
      carrier.resume();
      await accepted;
      return carrier;
    };
    const first = await bring();
    const socket = connect(proxyPort, "127.0.0.1");
    cleanups.push(() => socket.destroy());
    let echoed = "";
    const until = async (wanted: string): Promise<void> => {
      while (!echoed.endsWith(wanted)) echoed += String(((await once(socket, "data")) as [Buffer])[0]);
    };
    socket.write("before ");
    await until("before ");
    first.destroy();
    socket.write("between ");
    await bring();
    socket.write("after");
    await until("after");
    expect(echoed).toBe("before between after");
  });

  test("works over the standard input and output of `connect`, as an engine's exec gives them", async () => {
    const name = `@guest-${randomUUID()}`;
    const { guest } = await start("--socket", name);
    const client = createGuestClient({
      instanceId: "i",
      key: guest.key,
      async dial() {
        const { stdin, stdout } = spawn(built.program, ["connect", "--socket", name], {
          stdio: ["pipe", "pipe", "ignore"],
        });
        return Duplex.from({ readable: stdout, writable: stdin });
      },
    });
    cleanups.push(() => client.close());
    const sandboxId = randomUUID();
    await client.openSandbox({ sandboxId, name: "n", cwd: guest.directory, environment });
    const command = await client.exec(sandboxId, shell("head -c 1000000 /dev/zero"));
    expect((await textOf(command.stdout)).length).toBe(1_000_000);
    guest.child.kill("SIGKILL");
    expect(await client.agentExit(sandboxId).catch((error: unknown) => error)).toMatchObject({
      message: expect.stringContaining("The guest in the sandbox"),
    });
  });

  test("has no guest where a link was put in the socket's place, or nothing listens", async () => {
    const { guest, client } = await start();
    await client.untilReady();
    const long = mkdtempSync(join(tmpdir(), "clauderon-guest-"));
    cleanups.push(() => rmSync(long, { recursive: true, force: true }));
    const deep = join(long, "d".repeat(60), "e".repeat(60));
    mkdirSync(deep, { recursive: true });
    expect(await dialGuestSocket(join(deep, "guest.sock"))).toBeUndefined();
    symlinkSync(guest.socket, join(deep, "guest.sock"));
    await expect(dialGuestSocket(join(deep, "guest.sock"))).rejects.toThrow("Something else stands where the guest");
    rmSync(join(deep, "guest.sock"));
    renameSync(guest.socket, join(deep, "guest.sock"));
    const socket = await dialGuestSocket(join(deep, "guest.sock"));
    expect(socket?.destroyed).toBe(false);
    socket?.destroy();
    await guest.stop();
    expect(await client.info()).toBeUndefined();
  });
});
