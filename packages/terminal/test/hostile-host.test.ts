import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decode } from "../src/decode-host-message.ts";
import { encodeOutput, type HostFrame } from "../src/host-frame.ts";
import { HostError, hostLimits } from "../src/host-protocol.ts";
import { OutputAllowance } from "../src/output-allowance.ts";
import { talkWithHostileHosts } from "./hostile-host.ts";

const output = (source: number, bytes: number): HostFrame => {
  const frame = encodeOutput(1, { type: 0x20, source, flags: 0, sequence: 0 }, [Buffer.alloc(bytes)]);
  return { type: 0x20, id: 1, payload: frame.subarray(9) };
};

describe("a client of a hostile host", () => {
  test("is told of an end, whatever the host says, and holds no more than it granted", async () => {
    const { links } = await talkWithHostileHosts(3000, 1);
    expect(links).toBeGreaterThan(50);
  });

  test("takes no more output than it granted", () => {
    const shared = new OutputAllowance(true);
    for (let taken = 0; taken < hostLimits.outputWindowBytes; taken += 65_536)
      expect(shared.take(output(1 + ((taken / 65_536) % 2), 65_536)).bytes.length).toBe(65_536);
    shared.grant("stdout", 10);
    shared.take(output(2, 10));
    expect(() => shared.take(output(1, 1))).toThrow("More output than was granted");
    const apart = new OutputAllowance(false);
    for (let count = 0; count < 4; count += 1) apart.take(output(1, 65_536));
    expect(apart.take(output(2, 1)).source).toBe("stderr");
    expect(() => apart.take(output(1, 1))).toThrow("More output than was granted");
  });

  test.each([
    ["nothing", output(1, 0)],
    ["too much at once", output(1, 65_537)],
    ["a source that is none", output(3, 1)],
    ["a frame without a head", { ...output(1, 1), payload: Buffer.alloc(3) }],
    [
      "a sequence beyond all numbers",
      { ...output(1, 1), payload: Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(9, 255)]) },
    ],
  ])("refuses output of %s", (_what, frame) => {
    expect(() => new OutputAllowance(true).take(frame)).toThrow(
      /came from the host|out of range|outside buffer bounds/u,
    );
  });

  const readers = { ...decode };
  test.each(Object.entries(readers))("reads no other form as %s", (name, read) => {
    const status = {
      state: "running",
      launchId: "l",
      processId: 1,
      exit: { exitCode: 0 },
      size: { columns: 1, rows: 1 },
    };
    const values = fc.oneof(
      fc.jsonValue(),
      fc.record(
        Object.fromEntries(
          Object.entries(status).map(([key, value]) => [key, fc.oneof(fc.constant(value), fc.jsonValue())]),
        ),
      ),
    );
    fc.assert(
      fc.property(values, (value) => {
        try {
          expect(read(value as never)).toBeTypeOf("object");
        } catch (error) {
          if (name === "failure" && typeof value === "object" && value !== null) throw error;
          if (!(error instanceof HostError) && name !== "failure") throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  test("reads what a host of ours says", () => {
    const agent = {
      state: "exited",
      launchId: "l",
      processId: 7,
      startedAtMs: 1,
      exit: { exitCode: 129, signal: "SIGHUP", isTimedOut: false },
    };
    const sandbox = { sandboxId: "s", instanceId: "i", name: "n", cwd: "/", state: "stopped", agent };
    expect(decode.sandboxes([sandbox])).toEqual([sandbox]);
    expect(() => decode.exit({ exitCode: 256 })).toThrow("not an exit code");
    expect(() => decode.sandboxes([{ ...sandbox, state: "gone" }])).toThrow("one of the known states");
    expect(() => decode.agent({ ...agent, startedAtMs: Number.MAX_SAFE_INTEGER })).toThrow("not a time");
    expect(() => decode.agent({ ...agent, size: { columns: 0, rows: 24 } })).toThrow("not a size");
    expect(decode.failure({ code: "c", message: "m" })).toEqual({ code: "c", message: "m", fix: [] });
  });
});
