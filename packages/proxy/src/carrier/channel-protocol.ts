import { z } from "zod";

/** The version of docs/architecture/channel-protocol.md. */
export const channelProtocol = 1;

export interface FrameTypes {
  readonly hello: number;
  readonly challenge: number;
  readonly proof: number;
  readonly welcome: number;
  readonly failure: number;
  readonly ack: number;
  readonly ping: number;
  readonly open: number;
  readonly data: number;
  readonly window: number;
  readonly end: number;
  readonly reset: number;
}

export const frameTypes: FrameTypes = {
  hello: 0x01,
  challenge: 0x02,
  proof: 0x03,
  welcome: 0x04,
  failure: 0x05,
  ack: 0x06,
  ping: 0x07,
  open: 0x10,
  data: 0x11,
  window: 0x12,
  end: 0x13,
  reset: 0x14,
};

/** Frames from this type on are counted, kept until they are acknowledged, and sent again on the next carrier. */
export const firstCountedType = 0x10;

const kibibyte = 1024;
const second = 1000;

/** Numbers that both ends must hold to. */
export const channelLimits: {
  readonly handshakeFrameBytes: number;
  readonly payloadBytes: number;
  readonly sentPayloadBytes: number;
  readonly targetBytes: number;
  readonly streams: number;
  readonly windowBytes: number;
  readonly extraWindowBytes: number;
  readonly extraWindowsBytes: number;
  readonly ackBytes: number;
  readonly unacknowledgedBytes: number;
  readonly unacknowledgedControlBytes: number;
  readonly waitingBytes: number;
} = {
  /** Type, id and payload of a frame before the welcome. */
  handshakeFrameBytes: 4 * kibibyte,
  payloadBytes: 64 * kibibyte,
  /** Of the data frames that this end makes: measured, larger ones cost more in memory than they save in frames. */
  sentPayloadBytes: 32 * kibibyte,
  targetBytes: kibibyte,
  /** That each end may have opened and not closed. */
  streams: 256,
  /** What may be sent on a stream before anything was granted. */
  windowBytes: 64 * kibibyte,
  /** What this end grants a stream beyond that, and all streams together. */
  extraWindowBytes: 192 * kibibyte,
  extraWindowsBytes: 16 * kibibyte * kibibyte,
  /** Counted bytes after which an acknowledgement is due. */
  ackBytes: 64 * kibibyte,
  /** Data waits while so much is unacknowledged; other frames may take a little more. */
  unacknowledgedBytes: kibibyte * kibibyte,
  unacknowledgedControlBytes: 256 * kibibyte,
  /** A carrier to which so much waits is given up: its other end does not read. */
  waitingBytes: 4 * kibibyte * kibibyte,
};

/** Times, which tests shorten. */
export interface ChannelTimes {
  /** How long a channel without a carrier can be resumed. */
  readonly resumeMs: number;
  /** From a carrier's first byte to its welcome. */
  readonly handshakeMs: number;
  /** After so long without a byte a ping is sent; after three times as long the carrier is given up. */
  readonly pingMs: number;
}

export const defaultChannelTimes: ChannelTimes = {
  resumeMs: 60 * second,
  handshakeMs: 10 * second,
  pingMs: 15 * second,
};

/** What is wrong with what the other end sent; `code` is one of the protocol's. */
export class ChannelFault extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ChannelFault";
    this.code = code;
  }
}

const hex = (bytes: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`, "u"));
const position = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const port = z.number().int().min(1).max(65_535);

/** Where a stream leads: from the sandbox to the proxy; inwards to a port of the sandbox's loopback. */
export type StreamTarget = { readonly kind: "proxy" } | { readonly kind: "port"; readonly port: number };

export interface Hello {
  readonly protocols: readonly number[];
  readonly nonce: string;
  readonly channel?: string | undefined;
}

export interface Welcome {
  readonly protocol: number;
  readonly position: number;
  readonly channel?: string | undefined;
  readonly key?: string | undefined;
  readonly resumeMs?: number | undefined;
}

export interface Reason {
  readonly code: string;
  readonly message: string;
}

const shortText = z.string().max(1000);
/** What may be in JSON payloads; members that are not known are ignored. */
export const messages: {
  readonly hello: z.ZodType<Hello>;
  readonly challenge: z.ZodType<{ readonly nonce: string; readonly proof: string }>;
  readonly proof: z.ZodType<{ readonly proof: string; readonly position: number }>;
  readonly welcome: z.ZodType<Welcome>;
  readonly reason: z.ZodType<Reason>;
  readonly target: z.ZodType<StreamTarget>;
} = {
  hello: z.object({ protocols: z.array(z.number()).max(16), nonce: hex(32), channel: hex(16).optional() }),
  challenge: z.object({ nonce: hex(32), proof: hex(32) }),
  proof: z.object({ proof: hex(32), position }),
  welcome: z.object({
    protocol: z.literal(channelProtocol),
    position,
    channel: hex(16).optional(),
    key: hex(32).optional(),
    resumeMs: position.optional(),
  }),
  reason: z.object({ code: shortText, message: shortText }),
  target: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("proxy") }),
    z.object({ kind: z.literal("port"), port }),
  ]),
};

/** Reads a JSON payload. */
export function readMessage<Message>(schema: z.ZodType<Message>, payload: Buffer): Message {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch {
    throw new ChannelFault("protocol.violation", "A message is not JSON");
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ChannelFault("protocol.violation", "A message has members that are missing or wrong");
}
