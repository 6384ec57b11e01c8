import { z } from "zod";

import type { ProcessExit } from "../contract/process.ts";
import type { TerminalChunk } from "../contract/terminal.ts";
import { exactly } from "./exactly.ts";
import { processExitSchema } from "./exec-schema.ts";
import { encodeFrame, FrameReader, malformedFrame } from "./frame-bytes.ts";
import { parseJson } from "./parse-json.ts";
import { problemSchema, type Problem } from "./problem.ts";

/** WebSocket subprotocol of `/api/sessions/{reference}/output`: the agent's own bytes, unmirrored. */
export const STREAM_PROTOCOL = "clauderon.stream.v1";

/** Bytes that are sent ahead of the reader's acknowledgement. */
export const STREAM_WINDOW_BYTES = 1_048_576;

/** The answer to the call with the same id; `problem` when it failed. */
export interface StreamReply {
  readonly id: number;
  readonly problem?: Problem | undefined;
}

export const streamReplySchema: z.ZodType<StreamReply> = exactly<StreamReply>()(
  z.object({ id: z.int(), problem: problemSchema.optional() }),
);

/** What the end of the stream carries: how the agent ended, when it did. */
export interface StreamEnd {
  readonly exit?: ProcessExit | undefined;
}

export const streamEndSchema: z.ZodType<StreamEnd> = exactly<StreamEnd>()(
  z.object({ exit: processExitSchema.optional() }),
);

/** Daemon → caller. */
export type StreamServerFrame =
  | { readonly type: "output"; readonly chunk: TerminalChunk }
  | { readonly type: "reply"; readonly reply: StreamReply }
  | { readonly type: "end"; readonly end: StreamEnd };

/** Caller → daemon; each with an `id` gets a reply. */
export type StreamClientFrame =
  | { readonly type: "input"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "resize"; readonly id: number; readonly columns: number; readonly rows: number }
  | { readonly type: "pause"; readonly id: number; readonly isPaused: boolean }
  /** So many bytes have been read in all. */
  | { readonly type: "acknowledge"; readonly total: number };

const STDERR = 1;
const REPLAY = 2;

export function encodeStreamServerFrame(frame: StreamServerFrame): Uint8Array {
  switch (frame.type) {
    case "output":
      return encodeFrame(0x01, [
        { kind: "u64", value: frame.chunk.sequence },
        { kind: "u8", value: (frame.chunk.source === "stderr" ? STDERR : 0) + (frame.chunk.isReplay ? REPLAY : 0) },
        { kind: "bytes", value: frame.chunk.bytes },
      ]);
    case "reply":
      return encodeFrame(0x03, [{ kind: "text", value: JSON.stringify(frame.reply) }]);
    default:
      return encodeFrame(0x04, [{ kind: "text", value: JSON.stringify(frame.end) }]);
  }
}

export function decodeStreamServerFrame(bytes: Uint8Array): StreamServerFrame {
  const reader = new FrameReader(bytes);
  switch (reader.type) {
    case 0x01: {
      const sequence = reader.number("u64");
      const flags = reader.number("u8");
      if (flags > STDERR + REPLAY) throw malformedFrame(`its flags are ${flags}`);
      const source = (flags & STDERR) === 0 ? "stdout" : "stderr";
      return { type: "output", chunk: { sequence, source, isReplay: (flags & REPLAY) !== 0, bytes: reader.bytes() } };
    }
    case 0x03:
      return { type: "reply", reply: parseJson(reader.text(), streamReplySchema) };
    case 0x04:
      return { type: "end", end: parseJson(reader.text(), streamEndSchema) };
    default:
      throw malformedFrame(`its type is ${reader.type}`);
  }
}

export function encodeStreamClientFrame(frame: StreamClientFrame): Uint8Array {
  switch (frame.type) {
    case "input":
      return encodeFrame(0x11, [
        { kind: "u32", value: frame.id },
        { kind: "bytes", value: frame.bytes },
      ]);
    case "resize":
      return encodeFrame(0x12, [
        { kind: "u32", value: frame.id },
        { kind: "u16", value: frame.columns },
        { kind: "u16", value: frame.rows },
      ]);
    case "acknowledge":
      return encodeFrame(0x13, [{ kind: "u64", value: frame.total }]);
    default:
      return encodeFrame(0x14, [
        { kind: "u32", value: frame.id },
        { kind: "u8", value: frame.isPaused ? 1 : 0 },
      ]);
  }
}

export function decodeStreamClientFrame(bytes: Uint8Array): StreamClientFrame {
  const reader = new FrameReader(bytes);
  switch (reader.type) {
    case 0x11:
      return { type: "input", id: reader.number("u32"), bytes: reader.bytes() };
    case 0x12:
      return finished(reader, {
        type: "resize",
        id: reader.number("u32"),
        columns: reader.number("u16"),
        rows: reader.number("u16"),
      });
    case 0x13:
      return finished(reader, { type: "acknowledge", total: reader.number("u64") });
    case 0x14:
      return finished(reader, { type: "pause", id: reader.number("u32"), isPaused: reader.number("u8") === 1 });
    default:
      throw malformedFrame(`its type is ${reader.type}`);
  }
}

function finished<Frame>(reader: FrameReader, frame: Frame): Frame {
  reader.end();
  return frame;
}
