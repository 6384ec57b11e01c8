import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";

import { ProtocolPeer } from "@clauderon/terminal/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { greetGuest } from "./greet-guest.ts";
import { buildGuest, hasGo, type BuiltGuest } from "./required-go.ts";
import { runGuest, type RunningGuest } from "./run-guest.ts";

const shell = (script: string): readonly string[] => ["/bin/sh", "-c", script];
const within = { timeout: 20_000 };
const socketOptions = (socket: string, key: string): readonly string[] =>
  `--socket ${socket} --hook-socket @${randomUUID()} --key-file ${key}`.split(" ");

describe.runIf(hasGo("the life of a guest"))("a guest", { timeout: 60_000 }, () => {
  let built: BuiltGuest;
  const guests: RunningGuest[] = [];
  beforeAll(() => {
    built = buildGuest();
  });
  afterAll(() => built[Symbol.dispose]());
  afterEach(async () => {
    for (const guest of guests.splice(0)) await guest.stop();
  });

  const start = async (...args: readonly string[]): Promise<RunningGuest> => {
    const guest = await runGuest(built.program, args);
    guests.push(guest);
    return guest;
  };
  const sandbox = async (guest: RunningGuest, peer: ProtocolPeer): Promise<string> => {
    const sandboxId = randomUUID();
    const environment = { PATH: "/usr/local/bin:/usr/bin:/bin" };
    await peer.call("sandbox.open", { sandboxId, instanceId: "i", name: "n", cwd: guest.directory, environment });
    return sandboxId;
  };
  const launch = async (peer: ProtocolPeer, sandboxId: string, script: string): Promise<void> => {
    await peer.call("agent.start", { sandboxId, launchId: randomUUID(), argv: shell(script), mode: "terminal" });
  };
  const run = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(built.program, args, { encoding: "utf8", input: "" });

  test("tells that all it needs is there", () => {
    const { status, stdout } = run("self-test");
    expect(stdout).not.toContain("false");
    expect(status).toBe(0);
  });

  test("takes its key and leaves no file of it, nor memory that its user's processes can read", async () => {
    const guest = await start();
    expect(existsSync(join(guest.directory, "key"))).toBe(false);
    if (process.getuid?.() === 0) {
      const plain = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--",
      ];
      chmodSync(built.directory, 0o755);
      chownSync(guest.directory, 65_534, 65_534);
      const key = join(guest.directory, "other-key");
      writeFileSync(key, guest.key.toString("hex"));
      const other = spawn("setpriv", [
        ...plain,
        built.program,
        "run",
        ...socketOptions(join(guest.directory, "other.sock"), key),
      ]);
      await expect.poll(() => existsSync(join(guest.directory, "other.sock")), within).toBe(true);
      const read = (what: string): string =>
        spawnSync("setpriv", [...plain, "head", "-c", "1", `/proc/${other.pid}/${what}`], { encoding: "utf8" }).stderr;
      expect([read("environ"), read("mem"), read("maps")].every((said) => said.includes("Permission denied"))).toBe(
        true,
      );
      // What it starts is as open as any process.
      expect(read("status")).toBe("");
      other.kill("SIGKILL");
      await once(other, "exit");
    }
    expect(guest.log()).not.toContain(guest.key.toString("hex"));
  });

  test("ends with everything that runs in it and with its agent's exit code when it is asked to", async () => {
    const guest = await start("--grace-ms", "3000");
    const peer = await greetGuest(guest);
    const sandboxId = await sandbox(guest, peer);
    await launch(peer, sandboxId, "trap 'exit 7' TERM; printf ready; while :; do sleep 0.05; done");
    const stubborn = peer.ask("sandbox.exec", {
      sandboxId,
      argv: shell("trap '' TERM HUP; env -i setsid sleep 1000 & echo $!; while :; do sleep 0.05; done"),
    });
    const started = await peer.take("output", (frame) => frame.id === stubborn && frame.type === 0x20);
    const child = Number(started.payload.subarray(10).toString());
    const attached = peer.ask("agent.attach", { sandboxId });
    await peer.take("ready", (frame) => frame.id === attached && frame.type === 0x20);
    const ended = once(guest.child, "exit");
    guest.child.kill("SIGTERM");
    expect(await ended).toEqual([7, null]);
    expect(existsSync(`/proc/${child}`)).toBe(false);
  });

  test("without an agent ends with the number of the signal", async () => {
    const guest = await start();
    const ended = once(guest.child, "exit");
    guest.child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
  });

  test("hands other signals on to its agent", async () => {
    const guest = await start();
    const peer = await greetGuest(guest);
    const sandboxId = await sandbox(guest, peer);
    await launch(peer, sandboxId, "trap 'echo one; exit 5' USR1; printf ready; while :; do sleep 0.05; done");
    const id = peer.ask("agent.attach", { sandboxId });
    await peer.take("ready", (frame) => frame.id === id && frame.type === 0x20);
    guest.child.kill("SIGUSR1");
    expect(await peer.call("agent.wait", { sandboxId })).toMatchObject({ exit: { exitCode: 5 } });
  });

  test("reaps what is left to it, and ends it with the sandbox though it hid", async () => {
    const guest = await start();
    const peer = await greetGuest(guest);
    const sandboxId = await sandbox(guest, peer);
    const script = "(env -i setsid sh -c 'sleep 1000 & echo $!' ) ; for i in 1 2 3 4 5; do (setsid true &) ; done";
    const id = peer.ask("sandbox.exec", { sandboxId, argv: shell(script) });
    const hidden = Number(
      (await peer.take("output", (frame) => frame.id === id && frame.type === 0x20)).payload.subarray(10).toString(),
    );
    await peer.take("the end", (frame) => frame.id === id && frame.type === 0x25);
    const children = (): readonly string[] =>
      readFileSync(`/proc/${guest.processId}/task/${guest.processId}/children`, "utf8").split(" ").filter(Boolean);
    const parentOf = (processId: number): string =>
      /PPid:\s+(\d+)/u.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1] ?? "";
    await expect.poll(() => parentOf(hidden), within).toBe(String(guest.processId));
    await peer.call("sandbox.close", { sandboxId, graceMs: 500 });
    expect(existsSync(`/proc/${hidden}`) && readlinkSync(`/proc/${hidden}/exe`)).toBe(false);
    await expect.poll(children, within).toEqual([]);
  });

  test("is PID 1 of a namespace of its own", async () => {
    const guest = await start();
    const directory = guest.directory;
    writeFileSync(join(directory, "second-key"), guest.key.toString("hex"));
    const socket = join(directory, "inner.sock");
    const child = spawn("unshare", [
      "--user",
      "--map-root-user",
      "--pid",
      "--fork",
      "--mount-proc",
      "--kill-child",
      built.program,
      "run",
      ...socketOptions(socket, join(directory, "second-key")),
      "--grace-ms",
      "500",
    ]);
    const ended = once(child, "exit");
    try {
      await expect.poll(() => existsSync(socket), within).toBe(true);
      const peer = new ProtocolPeer(connect(socket));
      await peer.handshake(guest.key);
      expect(await peer.call("host.info")).toMatchObject({ processId: 1 });
      const sandboxId = await sandbox(guest, peer);
      await launch(peer, sandboxId, "for i in 1 2 3 4 5; do (setsid sleep 0 &); done; exit 4");
      expect(await peer.call("agent.wait", { sandboxId })).toMatchObject({ exit: { exitCode: 4 } });
      // Not a zombie is left, whoever its parent was.
      const id = peer.ask("sandbox.exec", {
        sandboxId,
        argv: shell("while cat /proc/[0-9]*/stat | grep -q ') Z '; do sleep 0.02; done; kill -TERM 1; kill -KILL 1"),
      });
      await peer.answer(id);
      expect(await ended).toEqual([4, null]);
      peer.close();
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("keeps the reports of hooks until they were taken, whoever waits for them", async () => {
    const guest = await start();
    const peer = await greetGuest(guest);
    const waiting = peer.ask("report.wait", { since: 0 });
    const hook = (event: string, input: string): void => {
      const { status, stdout, stderr } = spawnSync(built.program, ["hook", "--hook-socket", guest.hookSocket, event], {
        input,
        encoding: "utf8",
      });
      expect([status, stdout, stderr]).toEqual([0, "", ""]);
    };
    hook("Stop", JSON.stringify({ session_id: "s", huge: "x".repeat(100_000) }));
    const answer = JSON.parse((await peer.answer(waiting)).payload.toString()) as object;
    expect(answer).toMatchObject({
      reports: [{ sequence: 1, event: "Stop", payload: { session_id: "s" }, omitted: ["huge"] }],
      lost: 0,
    });
    hook("Notification", "this is not JSON");
    expect(await peer.call("report.wait", { since: 1 })).toMatchObject({ reports: [{ event: "Notification" }] });
    const given = peer.ask("report.wait", { since: 2 });
    peer.send(0x26, given);
    expect(await peer.call("host.info")).toMatchObject({ sandboxes: 0 });
    // Without a guest a hook holds nobody up and says nothing.
    expect(run("hook", "--hook-socket", "@nobody-is-here", "Stop").status).toBe(0);
  });

  test("takes what hostile neighbours say to its hook socket, and answers on", async () => {
    const guest = await start();
    const talk = async (bytes: Uint8Array | string): Promise<void> => {
      const socket = connect(`\0${guest.hookSocket.slice(1)}`);
      socket.on("error", () => undefined);
      socket.end(bytes);
      socket.resume();
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
      });
    };
    const noise = ["", "{", "[]", '{"event":""}', `{"event":"${"x".repeat(99)}"}`, "x".repeat(1_000_000)];
    await Promise.all(noise.map(talk));
    await talk(JSON.stringify({ event: "Stop", payload: {} }));
    const peer = await greetGuest(guest);
    expect(await peer.call("report.wait", { since: 0 })).toMatchObject({ reports: [{ sequence: 1, event: "Stop" }] });
  });

  test("tries targets and tells what answered", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const reached = run("probe", `tcp:127.0.0.1:${port}`);
    expect(reached.status).toBe(3);
    expect(JSON.parse(reached.stdout)).toMatchObject({ results: [{ outcome: "reached" }] });
    server.close();
    // A namespace without a network, as the sandbox of a container is.
    const sealed = spawnSync(
      "unshare",
      [
        "--user",
        "--map-root-user",
        "--net",
        built.program,
        "probe",
        "tcp:198.51.100.1:80",
        "udp:198.51.100.1:53",
        "dns:example.com",
      ],
      { encoding: "utf8" },
    );
    const seen = JSON.parse(sealed.stdout) as { readonly results: readonly { readonly outcome: string }[] };
    expect(seen.results.map(({ outcome }) => outcome)).toEqual(["unreachable", "unreachable", "unreachable"]);
    expect(sealed.status).toBe(0);
    const guest = await start();
    const peer = await greetGuest(guest);
    expect(await peer.call("egress.probe", { targets: ["tcp:127.0.0.1:1"] })).toMatchObject({
      results: [{ outcome: "refused" }],
    });
    await expect(peer.call("egress.probe", { targets: ["ftp:x"] })).rejects.toMatchObject({ code: "request.refused" });
  });

  test("is reached by standard input and output, as an engine's exec does", async () => {
    const guest = await start("--socket", `@clauderon-guest-${process.pid}`);
    const child = spawn(built.program, ["connect", "--socket", `@clauderon-guest-${process.pid}`]);
    const peer = new ProtocolPeer(Duplex.from({ readable: child.stdout, writable: child.stdin }));
    await peer.handshake(guest.key);
    expect(await peer.call("host.info")).toMatchObject({ processId: guest.processId });
    const ended = once(child, "exit");
    await guest.stop();
    expect(await ended).toEqual([0, null]);
    expect(await text(spawn(built.program, ["connect", "--socket", "@nobody-is-here"]).stderr)).toContain("refused");
  });

  test("says nothing to more strangers than it can afford, and everything to who knows the key", async () => {
    const guest = await start();
    const strangers = await Promise.all(Array.from({ length: 64 }, () => guest.connect()));
    const refused = await guest.connect();
    refused.resume();
    await once(refused, "close");
    for (const stranger of strangers) stranger.destroy();
    await expect
      .poll(async () => (await greetGuest(guest)).call("host.info").catch(() => undefined), within)
      .toMatchObject({ protocol: 1 });
    expect(readdirSync(`/proc/${guest.processId}/fd`).length).toBeLessThan(64);
  });

  test.each([
    [["run"], "--key-file is missing"],
    [["run", "--key-file", "/nowhere/key"], "take the key"],
    [["walk"], 'no command "walk"'],
    [["run", "--sockets"], "flag provided but not defined"],
    [["probe", "icmp:x"], "a target is"],
  ])("%j is refused with the reason", (args, reason) => {
    const { status, stderr } = spawnSync(built.program, args, { encoding: "utf8" });
    expect(status).not.toBe(0);
    expect(stderr).toContain(reason);
  });
});
