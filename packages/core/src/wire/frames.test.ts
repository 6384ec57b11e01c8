import fc from "fast-check";
import { expect, test } from "vitest";

import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import {
  decodeExecClientFrame,
  decodeExecServerFrame,
  encodeExecClientFrame,
  encodeExecServerFrame,
  type ExecClientFrame,
  type ExecServerFrame,
} from "./exec-frames.ts";
import {
  decodeStreamClientFrame,
  decodeStreamServerFrame,
  encodeStreamClientFrame,
  encodeStreamServerFrame,
  type StreamClientFrame,
  type StreamServerFrame,
} from "./stream-frames.ts";
import {
  decodeTtyClientFrame,
  decodeTtyServerFrame,
  encodeTtyClientFrame,
  encodeTtyServerFrame,
  type TtyClientFrame,
  type TtyServerFrame,
} from "./tty-frames.ts";

const u16 = fc.integer({ min: 0, max: 65_535 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const sequence = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: "grapheme", maxLength: 50 });
const of = <T extends string>(value: T) => fc.constant(value);

const ttyServer: fc.Arbitrary<TtyServerFrame> = fc.oneof(
  fc.record({ type: of("output"), sequence, bytes }),
  fc.record({ type: of("snapshot"), sequence, columns: u16, rows: u16, data: text }),
  fc.record({
    type: of("control"),
    control: fc.oneof(
      fc.record({ type: of("title"), title: text }),
      fc.record({ type: of("bell") }),
      fc.record({ type: of("input"), sequence }),
      fc.record({
        type: of("hello"),
        epoch: text,
        isController: fc.boolean(),
        hasController: fc.boolean(),
        columns: u16,
        rows: u16,
        inputSequence: sequence,
      }),
    ),
  }),
  fc.record({ type: of("exit"), exitCode: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
);
const ttyClient: fc.Arbitrary<TtyClientFrame> = fc.oneof(
  fc.record({ type: of("input"), sequence, bytes }),
  fc.record({ type: of("resize"), columns: u16, rows: u16 }),
  fc.record({ type: of("acknowledge"), sequence }),
  fc.record({ type: of("control"), isTaking: fc.boolean() }),
  fc.record({ type: of("ping"), id: u32 }),
);
const argument = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((part) => !part.includes("\0"));
const execServer: fc.Arbitrary<ExecServerFrame> = fc.oneof(
  fc.record({ type: fc.constantFrom("stdout" as const, "stderr" as const), bytes }),
  fc.record({ type: of("control"), control: fc.record({ type: of("started") }) }),
  fc.record({
    type: of("exit"),
    exit: fc.record({ exitCode: fc.integer({ min: 0, max: 255 }), isTimedOut: fc.boolean() }),
  }),
  fc.record({ type: of("stdin-acknowledge"), total: sequence }),
);
const execClient: fc.Arbitrary<ExecClientFrame> = fc.oneof(
  fc.record({
    type: of("start"),
    request: fc.record({ argv: fc.tuple(argument, argument), cwd: argument }),
  }),
  fc.record({ type: of("stdin"), bytes }),
  fc.record({ type: of("stdin-close") }),
  fc.record({ type: of("resize"), columns: u16, rows: u16 }),
  fc.record({ type: of("kill"), signal: fc.constantFrom("SIGINT" as const, "SIGKILL" as const) }),
  fc.record({ type: of("acknowledge"), total: sequence }),
);
const streamServer: fc.Arbitrary<StreamServerFrame> = fc.oneof(
  fc.record({
    type: of("output"),
    chunk: fc.record({
      sequence,
      bytes,
      source: fc.constantFrom("stdout" as const, "stderr" as const),
      isReplay: fc.boolean(),
    }),
  }),
  fc.record({ type: of("reply"), reply: fc.record({ id: u32 }) }),
  fc.record({ type: of("end"), end: fc.constant({}) }),
);
const streamClient: fc.Arbitrary<StreamClientFrame> = fc.oneof(
  fc.record({ type: of("input"), id: u32, bytes }),
  fc.record({ type: of("resize"), id: u32, columns: u16, rows: u16 }),
  fc.record({ type: of("acknowledge"), total: sequence }),
  fc.record({ type: of("pause"), id: u32, isPaused: fc.boolean() }),
);

interface Codec<Frame> {
  readonly name: string;
  readonly frames: fc.Arbitrary<Frame>;
  encode(frame: Frame): Uint8Array;
  decode(bytes: Uint8Array): Frame;
}

function describeCodec<Frame>(codec: Codec<Frame>): void {
  test(`${codec.name}: what is encoded is decoded`, () => {
    fc.assert(
      fc.property(codec.frames, (frame) => {
        expect(codec.decode(codec.encode(frame))).toEqual(frame);
      }),
    );
  });

  test(`${codec.name}: any bytes are a frame or a typed error`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 0x20 }), (rest, type) => {
        const noise = Uint8Array.from([type, ...rest]);
        try {
          codec.decode(noise);
        } catch (error) {
          expect(ClauderonError.isInstance(error, "request.refused")).toBe(true);
        }
      }),
    );
    expect(() => codec.decode(new Uint8Array(0))).toThrow("A frame cannot be read");
  });

  test(`${codec.name}: a frame cut short is refused or a shorter frame, never a crash`, () => {
    fc.assert(
      fc.property(codec.frames, fc.nat(400), (frame, length) => {
        const whole = codec.encode(frame);
        try {
          codec.decode(whole.subarray(0, Math.min(length, whole.byteLength)));
        } catch (error) {
          expect(ClauderonError.isInstance(error, "request.refused")).toBe(true);
        }
      }),
    );
  });
}

describeCodec({ name: "tty server", frames: ttyServer, encode: encodeTtyServerFrame, decode: decodeTtyServerFrame });
describeCodec({ name: "tty client", frames: ttyClient, encode: encodeTtyClientFrame, decode: decodeTtyClientFrame });
describeCodec({
  name: "exec server",
  frames: execServer,
  encode: encodeExecServerFrame,
  decode: decodeExecServerFrame,
});
describeCodec({
  name: "exec client",
  frames: execClient,
  encode: encodeExecClientFrame,
  decode: decodeExecClientFrame,
});
describeCodec({
  name: "stream server",
  frames: streamServer,
  encode: encodeStreamServerFrame,
  decode: decodeStreamServerFrame,
});
describeCodec({
  name: "stream client",
  frames: streamClient,
  encode: encodeStreamClientFrame,
  decode: decodeStreamClientFrame,
});

test("the bytes of a terminal's frames are as documented", () => {
  const output = encodeTtyServerFrame({ type: "output", sequence: 258, bytes: Uint8Array.of(65) });
  expect([...output]).toEqual([0x01, 0, 0, 0, 0, 0, 0, 1, 2, 65]);
  const snapshot = encodeTtyServerFrame({ type: "snapshot", sequence: 1, columns: 80, rows: 24, data: "é" });
  expect([...snapshot]).toEqual([0x02, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80, 0, 24, 0xc3, 0xa9]);
  expect([...encodeTtyServerFrame({ type: "exit", exitCode: -1 })]).toEqual([0x04, 255, 255, 255, 255]);
  expect([...encodeTtyClientFrame({ type: "resize", columns: 80, rows: 24 })]).toEqual([0x12, 0, 80, 0, 24]);
  expect([...encodeTtyClientFrame({ type: "control", isTaking: true })]).toEqual([0x14, 1]);
  expect(() => encodeTtyClientFrame({ type: "resize", columns: 70_000, rows: 1 })).toThrow(RangeError);
});
