import { z } from "zod";

import { exactly } from "./exactly.ts";
import { encodeFrame, FrameReader, malformedFrame } from "./frame-bytes.ts";
import { parseJson } from "./parse-json.ts";

/** WebSocket subprotocol of `/api/sessions/{reference}/tty`. */
export const TTY_PROTOCOL = "clauderon.tty.v1";

/** Codes a terminal's WebSocket is closed with. */
export const ttyClose = {
  done: 1000,
  /** The daemon ends; try again at once. */
  restart: 1012,
  malformed: 4400,
  authentication: 4401,
  origin: 4403,
  gone: 4404,
  /** The same client connected again. */
  replaced: 4409,
  /** The agent has ended; trying again is of no use. */
  ended: 4410,
  slow: 4429,
} as const;

/** What the daemon tells a viewer beside the output. */
export type TtyControl =
  | {
      readonly type: "hello";
      /** Names the run of the terminal that sequence numbers belong to. */
      readonly epoch: string;
      readonly isController: boolean;
      readonly hasController: boolean;
      readonly columns: number;
      readonly rows: number;
      /** The last input of this client that was applied, 0 when none was: a client sends later ones again. */
      readonly inputSequence: number;
    }
  | { readonly type: "controller"; readonly isController: boolean; readonly hasController: boolean }
  | { readonly type: "size"; readonly columns: number; readonly rows: number }
  | { readonly type: "title"; readonly title: string }
  | { readonly type: "bell" }
  /** Input up to this sequence has reached the terminal. */
  | { readonly type: "input"; readonly sequence: number }
  /** The input was dropped: another viewer has control. */
  | { readonly type: "input-refused"; readonly sequence: number }
  | { readonly type: "pong"; readonly id: number };

export const ttyControlSchema: z.ZodType<TtyControl> = exactly<TtyControl>()(
  z.discriminatedUnion("type", [
    z.object({
      type: z.literal("hello"),
      epoch: z.string(),
      isController: z.boolean(),
      hasController: z.boolean(),
      columns: z.int(),
      rows: z.int(),
      inputSequence: z.int(),
    }),
    z.object({ type: z.literal("controller"), isController: z.boolean(), hasController: z.boolean() }),
    z.object({ type: z.literal("size"), columns: z.int(), rows: z.int() }),
    z.object({ type: z.literal("title"), title: z.string() }),
    z.object({ type: z.literal("bell") }),
    z.object({ type: z.literal("input"), sequence: z.int() }),
    z.object({ type: z.literal("input-refused"), sequence: z.int() }),
    z.object({ type: z.literal("pong"), id: z.int() }),
  ]),
);

/** Daemon → viewer. */
export type TtyServerFrame =
  | { readonly type: "output"; readonly sequence: number; readonly bytes: Uint8Array }
  /** The viewer resets its terminal, sets the size and writes `data`; output goes on at `sequence`. */
  | {
      readonly type: "snapshot";
      readonly sequence: number;
      readonly columns: number;
      readonly rows: number;
      readonly data: string;
    }
  | { readonly type: "control"; readonly control: TtyControl }
  /** −1 when the code is not known. */
  | { readonly type: "exit"; readonly exitCode: number };

/** Viewer → daemon. */
export type TtyClientFrame =
  /** `sequence` counts this client's inputs from 1; one that was applied already is dropped. */
  | { readonly type: "input"; readonly sequence: number; readonly bytes: Uint8Array }
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  /** Everything before `sequence` has been shown. */
  | { readonly type: "acknowledge"; readonly sequence: number }
  | { readonly type: "control"; readonly isTaking: boolean }
  | { readonly type: "ping"; readonly id: number };

export function encodeTtyServerFrame(frame: TtyServerFrame): Uint8Array {
  switch (frame.type) {
    case "output":
      return encodeFrame(0x01, [
        { kind: "u64", value: frame.sequence },
        { kind: "bytes", value: frame.bytes },
      ]);
    case "snapshot":
      return encodeFrame(0x02, [
        { kind: "u64", value: frame.sequence },
        { kind: "u16", value: frame.columns },
        { kind: "u16", value: frame.rows },
        { kind: "text", value: frame.data },
      ]);
    case "control":
      return encodeFrame(0x03, [{ kind: "text", value: JSON.stringify(frame.control) }]);
    default:
      return encodeFrame(0x04, [{ kind: "i32", value: frame.exitCode }]);
  }
}

export function decodeTtyServerFrame(bytes: Uint8Array): TtyServerFrame {
  const reader = new FrameReader(bytes);
  switch (reader.type) {
    case 0x01:
      return { type: "output", sequence: reader.number("u64"), bytes: reader.bytes() };
    case 0x02:
      return {
        type: "snapshot",
        sequence: reader.number("u64"),
        columns: reader.number("u16"),
        rows: reader.number("u16"),
        data: reader.text(),
      };
    case 0x03:
      return { type: "control", control: parseJson(reader.text(), ttyControlSchema) };
    case 0x04:
      return finished(reader, { type: "exit", exitCode: reader.number("i32") });
    default:
      throw malformedFrame(`its type is ${reader.type}`);
  }
}

export function encodeTtyClientFrame(frame: TtyClientFrame): Uint8Array {
  switch (frame.type) {
    case "input":
      return encodeFrame(0x11, [
        { kind: "u64", value: frame.sequence },
        { kind: "bytes", value: frame.bytes },
      ]);
    case "resize":
      return encodeFrame(0x12, [
        { kind: "u16", value: frame.columns },
        { kind: "u16", value: frame.rows },
      ]);
    case "acknowledge":
      return encodeFrame(0x13, [{ kind: "u64", value: frame.sequence }]);
    case "control":
      return encodeFrame(0x14, [{ kind: "u8", value: frame.isTaking ? 1 : 0 }]);
    default:
      return encodeFrame(0x15, [{ kind: "u32", value: frame.id }]);
  }
}

export function decodeTtyClientFrame(bytes: Uint8Array): TtyClientFrame {
  const reader = new FrameReader(bytes);
  switch (reader.type) {
    case 0x11:
      return { type: "input", sequence: reader.number("u64"), bytes: reader.bytes() };
    case 0x12:
      return finished(reader, { type: "resize", columns: reader.number("u16"), rows: reader.number("u16") });
    case 0x13:
      return finished(reader, { type: "acknowledge", sequence: reader.number("u64") });
    case 0x14:
      return finished(reader, { type: "control", isTaking: flag(reader.number("u8")) });
    case 0x15:
      return finished(reader, { type: "ping", id: reader.number("u32") });
    default:
      throw malformedFrame(`its type is ${reader.type}`);
  }
}

function flag(value: number): boolean {
  if (value > 1) throw malformedFrame(`${value} is neither 0 nor 1`);
  return value === 1;
}

function finished<Frame>(reader: FrameReader, frame: Frame): Frame {
  reader.end();
  return frame;
}
