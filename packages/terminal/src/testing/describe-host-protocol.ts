import { randomBytes, randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { encodeFrame, encodeJsonFrame } from "../host-frame.ts";
import { frameTypes, hostLimits, outputFlags } from "../host-protocol.ts";
import { json, ProtocolPeer } from "./protocol-peer.ts";

/** A host that runs as a process of its own. */
export interface HostUnderTest {
  readonly key: Uint8Array;
  /** A directory that exists where the host runs processes. */
  readonly workspace: string;
  connect(): Promise<Duplex>;
  /** Resident memory of the host alone. */
  memoryBytes(): Promise<number>;
  stop(): Promise<void>;
}

export interface HostProtocolOptions {
  readonly name: string;
  start(): Promise<HostUnderTest>;
}

const environment = { PATH: "/usr/local/bin:/usr/bin:/bin" };
const shell = (script: string): readonly string[] => ["/bin/sh", "-c", script];

/** The protocol's own suite, for every implementation of it: docs/architecture/host-protocol.md as tests. */
export function describeHostProtocol(options: HostProtocolOptions): void {
  describe(`the host protocol: ${options.name}`, { timeout: 120_000 }, () => {
    let host: HostUnderTest;
    beforeAll(async () => {
      host = await options.start();
    });
    afterAll(() => host.stop());

    const stranger = async (): Promise<ProtocolPeer> => new ProtocolPeer(await host.connect());
    const friend = async (): Promise<ProtocolPeer> => {
      const peer = await stranger();
      await peer.handshake(host.key);
      return peer;
    };
    const sandbox = async (peer: ProtocolPeer): Promise<string> => {
      const sandboxId = randomUUID();
      await peer.call("sandbox.open", {
        sandboxId,
        instanceId: "suite",
        name: "suite",
        cwd: host.workspace,
        environment,
      });
      return sandboxId;
    };
    const launch = (sandboxId: string, script: string, mode = "terminal"): object => ({
      sandboxId,
      launchId: randomUUID(),
      argv: shell(script),
      mode,
    });
    const collect = async (
      peer: ProtocolPeer,
      id: number,
    ): Promise<{ readonly text: string; readonly end: Readonly<Record<string, unknown>> }> => {
      let text = "";
      for (;;) {
        const frame = await peer.take(
          "output",
          (frame) => frame.id === id && (frame.type === frameTypes.output || frame.type === frameTypes.end),
        );
        if (frame.type === frameTypes.end) return { text, end: json(frame) };
        text += frame.payload.subarray(10).toString("latin1");
        peer.credit(id, frame.payload.readUInt8(0), frame.payload.length - 10);
      }
    };

    describe("refuses", () => {
      const hello = { protocols: [1], nonce: randomBytes(32).toString("hex") };
      const wrong: readonly (readonly [string, Uint8Array])[] = [
        ["a request before the handshake", encodeJsonFrame(frameTypes.request, 1, { method: "host.info" })],
        ["a frame that is too short", Buffer.from([0, 0, 0, 4, 1, 0, 0, 0])],
        ["a frame too large for a stranger", Buffer.from([0, 1, 0, 0, 1])],
        ["the largest length", Buffer.from([0xff, 0xff, 0xff, 0xff])],
        ["a greeting that is not JSON", encodeFrame(frameTypes.hello, 0, "{")],
        ["a greeting that is no object", encodeFrame(frameTypes.hello, 0, "[]")],
        ["a protocol it does not speak", encodeJsonFrame(frameTypes.hello, 0, { ...hello, protocols: [99] })],
        ["a nonce of the wrong length", encodeJsonFrame(frameTypes.hello, 0, { ...hello, nonce: "00" })],
        ["noise", randomBytes(512)],
      ];
      test.each(wrong)("%s", async (_what, bytes) => {
        const peer = await stranger();
        peer.write(bytes);
        await peer.untilClosed();
        expect(peer.frames.every((frame) => frame.type === frameTypes.failure)).toBe(true);
      });

      test("a client with another key, and proves its own", async () => {
        const peer = await stranger();
        await expect(peer.handshake(randomBytes(32))).rejects.toThrow("proof is wrong");
        peer.send(frameTypes.proof, 0, { proof: randomBytes(32).toString("hex") });
        await peer.untilClosed();
        expect(peer.frames.map((frame) => json(frame)["code"])).toEqual(["authentication.required"]);
      });

      test("a proof that was seen before", async () => {
        const first = await friend();
        const peer = await stranger();
        peer.send(frameTypes.hello, 0, hello);
        await peer.take("a challenge", (frame) => frame.type === frameTypes.challenge);
        peer.send(frameTypes.proof, 0, { proof: "0".repeat(64) });
        await peer.untilClosed();
        first.close();
      });

      test.each([
        ["an unknown frame type", encodeFrame(0x7f, 1)],
        ["an oversized frame", Buffer.from([0x00, 0x40, 0x00, 0x01, 0x10])],
        ["a request that is not JSON", encodeFrame(frameTypes.request, 1, "no")],
        ["credit of the wrong size", encodeFrame(frameTypes.credit, 1, "x")],
        ["a request with id 0", encodeJsonFrame(frameTypes.request, 0, { method: "host.info" })],
      ])("%s after the handshake", async (_what, bytes) => {
        const peer = await friend();
        peer.write(bytes);
        await peer.untilClosed();
        const other = await friend();
        expect(await other.call("host.info")).toMatchObject({ protocol: 1 });
        other.close();
      });

      test.each([
        ["nonsense", {}],
        ["sandbox.open", { sandboxId: "../x", instanceId: "i", name: "n", cwd: "/", environment: {} }],
        ["sandbox.open", { sandboxId: "x", instanceId: "i", name: "n", cwd: "/", environment: { A: 1 } }],
        ["sandbox.stop", { sandboxId: "none" }],
        ["agent.start", { sandboxId: "none", launchId: "l", argv: [], mode: "terminal" }],
        ["__proto__", {}],
      ])("%s with %j, and the connection stays", async (method, parameters) => {
        const peer = await friend();
        await expect(peer.call(method, parameters)).rejects.toHaveProperty("code");
        expect(await peer.call("host.info")).toMatchObject({ protocol: 1 });
        peer.close();
      });
    });

    test("frames may come in pieces of one byte", async () => {
      const peer = await friend();
      const frame = encodeJsonFrame(frameTypes.request, 7, { method: "host.info", parameters: {} });
      for (const byte of frame) peer.write(Uint8Array.of(byte));
      expect(json(await peer.answer(7))).toMatchObject({ protocol: 1 });
      peer.close();
    });

    test("exec keeps stdout and stderr apart, feeds stdin and tells the exit code", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      const id = peer.ask("sandbox.exec", { sandboxId, argv: shell("cat; echo bad >&2; exit 3"), stdin: "pipe" });
      await peer.answer(id);
      peer.send(frameTypes.input, id, "good");
      peer.send(frameTypes.inputEnd, id);
      const error = await peer.take(
        "stderr",
        (frame) => frame.type === frameTypes.output && frame.payload.readUInt8(0) === 2,
      );
      expect(error.payload.subarray(10).toString()).toBe("bad\n");
      expect(await collect(peer, id)).toEqual({ text: "good", end: { exit: { exitCode: 3, isTimedOut: false } } });
      await peer.call("sandbox.close", { sandboxId });
      peer.close();
    });

    test("an agent starts once per launch, and its output is replayed and numbered", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      const request = launch(sandboxId, "printf hello; read line");
      const first = await peer.call("agent.start", request);
      expect(await peer.call("agent.start", request)).toMatchObject({ processId: first["processId"] });
      await expect(peer.call("agent.start", launch(sandboxId, "true"))).rejects.toMatchObject({
        code: "session.wrong-state",
      });
      const early = peer.ask("agent.attach", { sandboxId });
      await peer.take("the greeting", (frame) => frame.id === early && frame.type === frameTypes.output);
      const id = peer.ask("agent.attach", { sandboxId, since: 2 });
      await peer.answer(id);
      const output = await peer.take("output", (frame) => frame.id === id && frame.type === frameTypes.output);
      expect(Number(output.payload.readBigUInt64BE(2))).toBe(2);
      expect(output.payload.subarray(10).toString()).toBe("llo");
      peer.send(frameTypes.input, id, "\n");
      expect((await collect(peer, id)).end).toMatchObject({ exit: { exitCode: 0 } });
      await peer.call("sandbox.close", { sandboxId });
      peer.close();
    });

    test("a replay that begins later restores the modes with a prelude", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      await peer.call(
        "agent.start",
        launch(sandboxId, String.raw`printf '\033[?2004h\033[?1049h'; head -c 1500000 /dev/zero | tr '\0' x`),
      );
      await peer.call("agent.wait", { sandboxId });
      const id = peer.ask("agent.attach", { sandboxId });
      const answer = json(await peer.answer(id));
      const prelude = await peer.take("output", (frame) => frame.id === id && frame.type === frameTypes.output);
      expect(prelude.payload.readUInt8(1)).toBe(outputFlags.replay | outputFlags.prelude);
      expect(prelude.payload.subarray(10).toString("latin1")).toBe("\u001B[?2004h\u001B[?1049h");
      const { text } = await collect(peer, id);
      expect(text).toHaveLength(Number(answer["end"]) - Number(answer["start"]));
      await peer.call("sandbox.close", { sandboxId });
      peer.close();
    });

    test("no more is sent than credit allows, and a viewer that takes nothing stops neither agent nor others", async () => {
      const peer = await friend();
      const slow = await friend();
      const sandboxId = await sandbox(peer);
      await peer.call("agent.start", launch(sandboxId, "read line; head -c 3000000 /dev/zero | tr '\\0' x"));
      const stuck = slow.ask("agent.attach", { sandboxId, credit: 1000 });
      await slow.answer(stuck);
      const id = peer.ask("agent.attach", { sandboxId });
      await peer.answer(id);
      peer.send(frameTypes.input, id, "\n");
      const { text } = await collect(peer, id);
      expect(text.replaceAll(/[^x]/g, "")).toHaveLength(3_000_000);
      const got = slow.frames.filter((frame) => frame.id === stuck && frame.type === frameTypes.output);
      expect(got.reduce((sum, frame) => sum + frame.payload.length - 10, 0)).toBe(1000);
      await peer.call("sandbox.close", { sandboxId });
      peer.close();
      slow.close();
    });

    test("clients that ask and do not read cost bounded memory", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      const before = await host.memoryBytes();
      const deaf = await friend();
      deaf.stopReading();
      for (let count = 0; count < 8; count += 1)
        deaf.ask("sandbox.exec", { sandboxId, argv: shell("head -c 50000000 /dev/zero") });
      for (let count = 0; count < 20_000; count += 1) deaf.ask("sandbox.list");
      const id = peer.ask("sandbox.exec", { sandboxId, argv: shell("head -c 20000000 /dev/zero | tr '\\0' y") });
      await peer.answer(id);
      expect((await collect(peer, id)).text).toHaveLength(20_000_000);
      expect((await host.memoryBytes()) - before).toBeLessThan(64 * 1024 * 1024);
      deaf.close();
      await peer.call("sandbox.close", { sandboxId, graceMs: 0 });
      peer.close();
    });

    test("20 clients at once see the same agent", async () => {
      const owner = await friend();
      const sandboxId = await sandbox(owner);
      await owner.call("agent.start", launch(sandboxId, "read line; head -c 200000 /dev/zero | tr '\\0' z"));
      const peers = await Promise.all(Array.from({ length: 20 }, friend));
      const ids = peers.map((peer) => peer.ask("agent.attach", { sandboxId }));
      await Promise.all(peers.map((peer, index) => peer.answer(ids[index] ?? 0)));
      peers[0]?.send(frameTypes.input, ids[0] ?? 0, "\n");
      const texts = await Promise.all(peers.map((peer, index) => collect(peer, ids[index] ?? 0)));
      for (const { text } of texts) expect(text.replaceAll(/[^z]/g, "")).toHaveLength(200_000);
      await owner.call("sandbox.close", { sandboxId });
      for (const peer of [owner, ...peers]) peer.close();
    });

    test("input that nobody reads is held back at the client and stops nothing", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      await peer.call("agent.start", launch(sandboxId, "stty raw -echo; printf ready; sleep 60"));
      const id = peer.ask("agent.attach", { sandboxId });
      await peer.take("ready", (frame) => frame.id === id && frame.type === frameTypes.output);
      peer.send(frameTypes.input, id, Buffer.alloc(hostLimits.inputWindowBytes));
      expect(await peer.call("host.info")).toMatchObject({ protocol: 1 });
      expect(peer.frames.some((frame) => frame.type === frameTypes.credit)).toBe(false);
      await peer.call("sandbox.close", { sandboxId, graceMs: 500 });
      peer.close();
    });

    test("processes go on when their client is gone", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      await peer.call("agent.start", launch(sandboxId, "read line"));
      peer.close();
      const other = await friend();
      expect(await other.call("sandbox.inspect", { sandboxId })).toMatchObject({
        sandbox: { state: "running", agent: { state: "running" } },
      });
      await other.call("sandbox.close", { sandboxId, graceMs: 500 });
      other.close();
    });

    test("a new size reaches the agent once, an equal one not at all", async () => {
      const peer = await friend();
      const sandboxId = await sandbox(peer);
      await peer.call(
        "agent.start",
        launch(sandboxId, "trap 'stty size' WINCH; printf ready; while :; do sleep 0.05; done"),
      );
      const id = peer.ask("agent.attach", { sandboxId });
      await peer.take("ready", (frame) => frame.id === id && frame.type === frameTypes.output);
      await peer.call("stream.resize", { stream: id, sandboxId, size: { columns: 80, rows: 24 } });
      await peer.call("stream.resize", { stream: id, sandboxId, size: { columns: 91, rows: 31 } });
      const frame = await peer.take("a size", (frame) => frame.id === id && frame.type === frameTypes.output);
      expect(frame.payload.subarray(10).toString()).toBe("31 91\r\n");
      await peer.call("sandbox.close", { sandboxId, graceMs: 500 });
      peer.close();
    });
  });
}
