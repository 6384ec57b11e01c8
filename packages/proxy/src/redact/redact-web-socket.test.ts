import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createRedactor } from "./create-redactor.ts";
import { redactWebSocket } from "./redact-web-socket.ts";

const SECRET = "sk-proj-R34lT0ken0123456789abcdefABCDEF";
const redactor = createRedactor([{ value: SECRET, placeholder: "sk-placeholder" }]);
const masked = "sk-placeholder".padEnd(SECRET.length, "*");

interface FrameParts {
  readonly text: string;
  readonly opcode?: number;
  readonly isFinal?: boolean;
}

function frame({ text, opcode = 1, isFinal = true }: FrameParts): Buffer {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126
      ? [payload.length]
      : payload.length < 65_536
        ? [126, payload.length >> 8, payload.length & 255]
        : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (payload.length >>> shift) & 255)];
  return Buffer.concat([Buffer.from([(isFinal ? 0x80 : 0) | opcode, ...length]), payload]);
}

async function run(bytes: Buffer, sizes: readonly number[] = [bytes.length]): Promise<Buffer> {
  const stream = redactWebSocket(redactor);
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("end", resolve).on("error", reject);
  });
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    stream.write(bytes.subarray(at, at + size));
    at += size;
  }
  stream.end();
  await ended;
  return Buffer.concat(parts);
}

/** Messages of one or more frames, with control frames between them. */
function framesOf(text: string, cuts: readonly number[], pings: boolean): Buffer {
  const frames: Buffer[] = [];
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((left, right) => left - right);
  [0, ...places].forEach((from, index) => {
    const to = places[index];
    frames.push(frame({ text: text.slice(from, to), opcode: index === 0 ? 1 : 0, isFinal: to === undefined }));
    if (pings && to !== undefined) frames.push(frame({ text: "ping", opcode: 9 }));
  });
  return Buffer.concat(frames);
}

describe("P26 a WebSocket frame on its way to the client", () => {
  it.each([
    { name: "a short text", text: `x ${SECRET} y` },
    { name: "a long text", text: `${"x".repeat(300)}${SECRET}` },
    { name: "a very long text", text: `${"x".repeat(70_000)}${SECRET}` },
  ])("holds no secret in $name", async ({ text }) => {
    const bytes = frame({ text });
    expect((await run(bytes)).equals(frame({ text: text.replace(SECRET, masked) }))).toBe(true);
  });

  it("holds no secret in a ping, a pong or a close", async () => {
    for (const opcode of [8, 9, 10]) {
      expect((await run(frame({ text: SECRET, opcode }), [1])).equals(frame({ text: masked, opcode }))).toBe(true);
    }
  });

  it("holds none wherever the message is cut into frames and packets, with pings between", async () => {
    const text = `{"a":"${SECRET}"}`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (cuts, sizes, pings) => {
          const expected = framesOf(text.replace(SECRET, masked), cuts, pings);
          const output = await run(framesOf(text, cuts, pings), sizes);
          expect(output.equals(expected)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("is never kept back once its message is complete", () => {
    const stream = redactWebSocket(redactor);
    const bytes = frame({ text: "it ends like one begins: sk-proj" });
    stream.write(bytes);
    expect(stream.read()).toEqual(bytes);
  });

  it("P44 is not awaited for ever while pings pile up behind it", async () => {
    const pings = Array.from({ length: 5000 }, () => frame({ text: "p", opcode: 9 }));
    await expect(run(Buffer.concat([frame({ text: "sk-", isFinal: false }), ...pings]))).rejects.toThrow("too many");
  });

  it("tells messages apart", async () => {
    const bytes = Buffer.concat([frame({ text: SECRET.slice(0, 5) }), frame({ text: SECRET.slice(5) })]);
    expect((await run(bytes)).equals(bytes)).toBe(true);
  });

  it.each([
    { name: "masked", bytes: Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5]) },
    { name: "compressed", bytes: Buffer.from([0xc1, 1, 5]) },
    { name: "too long", bytes: Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]) },
    { name: "too long", bytes: Buffer.from([0x89, 126, 1, 0]) },
  ])("P30 ends the connection when it is $name", async ({ name, bytes }) => {
    await expect(run(bytes)).rejects.toThrow(name);
  });
});
