import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { connect } from "node:tls";

import { describe, expect, it } from "vitest";

import { asksForHttp2 } from "./asks-for-http2.ts";

/** What a real client says first. */
async function helloOf(protocols: string[]): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    servername: "api.test",
    ...(protocols.length === 0 ? {} : { ALPNProtocols: protocols }),
  });
  client.on("error", () => undefined);
  const [socket] = await once(server, "connection");
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  server.close();
  return hello;
}

describe("asksForHttp2", () => {
  it.each([
    [["h2", "http/1.1"], true],
    [["http/1.1", "h2"], true],
    [["http/1.1"], false],
    [["h3", "h2c", "xh2"], false],
    [[], false],
  ])("%j", async (protocols, expected) => {
    const hello = await helloOf(protocols);
    const stream = new PassThrough();
    stream.write(hello);
    expect(await asksForHttp2(stream)).toBe(expected);
    expect(stream.read()).toEqual(hello);
  });

  it("waits for a ClientHello that comes byte by byte, and puts all of it back", async () => {
    const hello = await helloOf(["h2"]);
    const stream = new PassThrough();
    const asked = asksForHttp2(stream);
    for (const byte of hello) stream.write(Buffer.of(byte));
    expect(await asked).toBe(true);
    expect(stream.read()).toEqual(hello);
  });

  it("reads one that is spread over records", async () => {
    const hello = await helloOf(["h2"]);
    const records: Buffer[] = [];
    for (let position = 5; position < hello.length; position += 50) {
      const part = hello.subarray(position, position + 50);
      records.push(Buffer.of(22, 3, 1, 0, part.length), part);
    }
    const stream = new PassThrough();
    stream.write(Buffer.concat(records));
    expect(await asksForHttp2(stream)).toBe(true);
  });

  it("takes anything else for a no, at once", async () => {
    const hello = await helloOf(["h2"]);
    const cut = Buffer.from(hello);
    // The session id is said to be longer than the message.
    cut[43] = 255;
    for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n"), Buffer.of(22, 3, 1, 0, 0), cut.subarray(0, 5 + 60)]) {
      const stream = new PassThrough();
      stream.end(bytes);
      expect(await asksForHttp2(stream)).toBe(false);
    }
    const gone = new PassThrough();
    gone.destroy();
    expect(await asksForHttp2(gone)).toBe(false);
  });
});
