import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

import { describe, expect, it } from "vitest";

import { startRecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import { connectThrough, startTestProxy } from "./testing/test-proxy.fixture.ts";

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

describe("a tunnel that is read into memory that is used again", () => {
  it.each([
    ["at once", 0],
    ["now and then", 64],
  ])(
    "carries every byte in its place to a client that reads %s",
    async (_how, pauseEvery) => {
      const sent = randomBytes(8 * 1024 * 1024);
      await using upstream = await startRecordingUpstream({
        isPlain: true,
        respond: ({ socket }) => {
          for (let at = 0; at < sent.length; at += 300_001) socket.write(sent.subarray(at, at + 300_001));
          socket.end();
        },
      });
      await using test = await startTestProxy();
      const { socket } = await connectThrough(test, { target: `tunnel.test:${upstream.port}` });
      const chunks: Buffer[] = [];
      const ended = new Promise((resolve) => {
        socket.once("end", resolve);
      });
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (pauseEvery === 0 || chunks.length % pauseEvery !== 0) return;
        // Long enough for what is on its way to pile up.
        socket.pause();
        let turns = 200;
        const goOn = (): void => {
          turns -= 1;
          if (turns === 0) socket.resume();
          else setImmediate(goOn);
        };
        goOn();
      });
      socket.resume();
      socket.write("go");
      await ended;
      socket.destroy();
      expect(sha256(Buffer.concat(chunks))).toBe(sha256(sent));
    },
    30_000,
  );

  it("does not lose what an upstream says before the client does", async () => {
    const greeting = "220 ready\r\n";
    const server = createServer((upstream) => upstream.on("error", () => undefined).write(greeting));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await using test = await startTestProxy();
    const { port } = server.address() as AddressInfo;
    const { socket, answer } = await connectThrough(test, { target: `tunnel.test:${port}` });
    // It may have come in one piece with the answer to the CONNECT.
    const behind = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    const first = new Promise<string>((resolve) => {
      socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1")));
    });
    socket.resume();
    expect(behind === "" ? await first : behind).toBe(greeting);
    socket.destroy();
    server.close();
  });
});
