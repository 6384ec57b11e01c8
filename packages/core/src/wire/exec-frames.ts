import { z } from "zod";

import type { ProcessExit, ProcessSignal } from "../contract/process.ts";
import { exactly } from "./exactly.ts";
import { execRequestSchema, processExitSchema, processSignalSchema, type ExecRequest } from "./exec-schema.ts";
import { encodeFrame, FrameReader, malformedFrame, type FrameField } from "./frame-bytes.ts";
import { parseJson } from "./parse-json.ts";
import { problemSchema, type Problem } from "./problem.ts";

/** WebSocket subprotocol of `/api/sessions/{reference}/exec`. */
export const EXEC_PROTOCOL = "clauderon.exec.v1";

/** Bytes that either side may send ahead of the other's acknowledgement, per direction. */
export const EXEC_WINDOW_BYTES = 1_048_576;

export type ExecControl =
  | { readonly type: "started" }
  /** Sent once; the connection is closed after it. */
  | { readonly type: "failed"; readonly problem: Problem };

export const execControlSchema: z.ZodType<ExecControl> = exactly<ExecControl>()(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("started") }),
    z.object({ type: z.literal("failed"), problem: problemSchema }),
  ]),
);

/** Daemon → caller. */
export type ExecServerFrame =
  | { readonly type: "stdout" | "stderr"; readonly bytes: Uint8Array }
  | { readonly type: "control"; readonly control: ExecControl }
  | { readonly type: "exit"; readonly exit: ProcessExit }
  /** So many bytes of standard input have been taken in all. */
  | { readonly type: "stdin-acknowledge"; readonly total: number };

/** Caller → daemon. The first one is `start`. */
export type ExecClientFrame =
  | { readonly type: "start"; readonly request: ExecRequest }
  | { readonly type: "stdin"; readonly bytes: Uint8Array }
  | { readonly type: "stdin-close" }
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  | { readonly type: "kill"; readonly signal: ProcessSignal }
  /** So many bytes of both outputs have been read in all. */
  | { readonly type: "acknowledge"; readonly total: number };

const json = (value: unknown): readonly FrameField[] => [{ kind: "text", value: JSON.stringify(value) }];

export function encodeExecServerFrame(frame: ExecServerFrame): Uint8Array {
  switch (frame.type) {
    case "stdout":
    case "stderr":
      return encodeFrame(frame.type === "stdout" ? 0x01 : 0x02, [{ kind: "bytes", value: frame.bytes }]);
    case "control":
      return encodeFrame(0x03, json(frame.control));
    case "exit":
      return encodeFrame(0x04, json(frame.exit));
    default:
      return encodeFrame(0x05, [{ kind: "u64", value: frame.total }]);
  }
}

export function decodeExecServerFrame(bytes: Uint8Array): ExecServerFrame {
  const reader = new FrameReader(bytes);
  switch (reader.type) {
    case 0x01:
      return { type: "stdout", bytes: reader.bytes() };
    case 0x02:
      return { type: "stderr", bytes: reader.bytes() };
    case 0x03:
      return { type: "control", control: parseJson(reader.text(), execControlSchema) };
    case 0x04:
      return { type: "exit", exit: parseJson(reader.text(), processExitSchema) };
    case 0x05:
      return finished(reader, { type: "stdin-acknowledge", total: reader.number("u64") });
    default:
      throw malformedFrame(`its type is ${reader.type}`);
  }
}

export function encodeExecClientFrame(frame: ExecClientFrame): Uint8Array {
  switch (frame.type) {
    case "start":
      return encodeFrame(0x10, json(frame.request));
    case "stdin":
      return encodeFrame(0x11, [{ kind: "bytes", value: frame.bytes }]);
    case "resize":
      return encodeFrame(0x12, [
        { kind: "u16", value: frame.columns },
        { kind: "u16", value: frame.rows },
      ]);
    case "acknowledge":
      return encodeFrame(0x13, [{ kind: "u64", value: frame.total }]);
    case "kill":
      return encodeFrame(0x14, json(frame.signal));
    default:
      return encodeFrame(0x15, []);
  }
}

export function decodeExecClientFrame(bytes: Uint8Array): ExecClientFrame {
  const reader = new FrameReader(bytes);
  switch (reader.type) {
    case 0x10:
      return { type: "start", request: parseJson(reader.text(), execRequestSchema) };
    case 0x11:
      return { type: "stdin", bytes: reader.bytes() };
    case 0x12:
      return finished(reader, { type: "resize", columns: reader.number("u16"), rows: reader.number("u16") });
    case 0x13:
      return finished(reader, { type: "acknowledge", total: reader.number("u64") });
    case 0x14:
      return { type: "kill", signal: parseJson(reader.text(), processSignalSchema) };
    case 0x15:
      return finished(reader, { type: "stdin-close" });
    default:
      throw malformedFrame(`its type is ${reader.type}`);
  }
}

function finished<Frame>(reader: FrameReader, frame: Frame): Frame {
  reader.end();
  return frame;
}
