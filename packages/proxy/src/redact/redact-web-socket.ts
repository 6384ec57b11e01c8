import { Transform } from "node:stream";

import type { RedactionStream, Redactor } from "./create-redactor.ts";

/** The server sent what it may not send to this client: a masked or compressed frame, or one of impossible length. Its bytes cannot be looked through. */
export class UnreadableFrameError extends Error {
  constructor(reason: string) {
    super(`the server sent a WebSocket frame that is ${reason}`);
    this.name = "UnreadableFrameError";
  }
}

const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const FIRST_CONTROL = 8;
const MAX_CONTROL_BYTES = 125;
/** Frames that may wait behind one byte that could begin a secret. */
const MAX_WAITING = 4096;

/**
 * A server's WebSocket frames (RFC 6455, section 5.2) without the secrets, also where a message is cut into frames within one. Lengths stay; a message is
 * complete as soon as its last frame is. Extensions must have been refused at the handshake.
 */
export function redactWebSocket(redactor: Redactor): Transform {
  const frames = createFrameRedaction(redactor);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        for (const part of frames.write(chunk)) this.push(part);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

interface FrameRedaction {
  write(chunk: Buffer): readonly Uint8Array[];
}

interface Frame {
  readonly isFinal: boolean;
  readonly isControl: boolean;
  remaining: number;
}

function createFrameRedaction(redactor: Redactor): FrameRedaction {
  const order = createOutputOrder();
  let message: RedactionStream = redactor.start();
  let control: RedactionStream = redactor.start();
  let head: number[] = [];
  let frame: Frame | undefined;

  function takePayload(frame: Frame, payload: Buffer): void {
    frame.remaining -= payload.length;
    // A control frame may stand between the frames of a message; it is whole before the next begins.
    const stream = frame.isControl ? control : message;
    order.expect(payload.length, frame.isControl);
    order.fill(stream.write(payload), frame.isControl);
  }

  function endFrame({ isFinal, isControl }: Frame): void {
    frame = undefined;
    if (!isFinal) return;
    order.fill((isControl ? control : message).end(), isControl);
    if (isControl) control = redactor.start();
    else message = redactor.start();
  }

  return {
    write(chunk) {
      for (let at = 0; at < chunk.length;) {
        if (frame === undefined) {
          head.push(chunk[at++] ?? 0);
          frame = readFrame(head);
          if (frame === undefined) continue;
          order.add(Buffer.from(head));
          head = [];
        } else {
          const payload = chunk.subarray(at, at + frame.remaining);
          at += payload.length;
          takePayload(frame, payload);
        }
        if (frame.remaining === 0) endFrame(frame);
      }
      return order.take();
    },
  };
}

/** `undefined` = the head is not complete. */
function readFrame(head: readonly number[]): Frame | undefined {
  const [first = 0, second] = head;
  if (second === undefined) return undefined;
  if ((first & RESERVED) !== 0) throw new UnreadableFrameError("compressed");
  if ((second & MASKED) !== 0) throw new UnreadableFrameError("masked");
  const lengthBytes = second === 127 ? 8 : second === 126 ? 2 : 0;
  if (head.length < 2 + lengthBytes) return undefined;
  const remaining = lengthBytes === 0 ? second : head.slice(2).reduce((sum, byte) => sum * 256 + byte, 0);
  const isControl = (first & 0x0f) >= FIRST_CONTROL;
  const isFinal = (first & FINAL) !== 0;
  if (!Number.isSafeInteger(remaining) || (isControl && (remaining > MAX_CONTROL_BYTES || !isFinal))) {
    throw new UnreadableFrameError("too long");
  }
  return { isFinal, isControl, remaining };
}

interface OutputOrder {
  /** Bytes that go out as they are. */
  add(bytes: Buffer): void;
  /** So many bytes come later, of the message or of a control frame. */
  expect(length: number, isControl: boolean): void;
  fill(parts: readonly Uint8Array[], isControl: boolean): void;
  /** What is complete from the front. */
  take(): readonly Uint8Array[];
}

interface Place {
  readonly isControl: boolean;
  missing: number;
  readonly parts: Uint8Array[];
}

/** Keeps heads and payloads in the order in which they came, while some payload is still held back. */
function createOutputOrder(): OutputOrder {
  let places: Place[] = [];
  const openPlaces = (isControl: boolean): Place[] =>
    places.filter((place) => place.missing > 0 && place.isControl === isControl);
  return {
    add: (bytes) => places.push({ isControl: false, missing: 0, parts: [bytes] }),
    expect(length, isControl) {
      if (places.length > MAX_WAITING) throw new UnreadableFrameError("one of too many within a message");
      places.push({ isControl, missing: length, parts: [] });
    },
    fill(parts, isControl) {
      const open = openPlaces(isControl);
      for (const part of parts) {
        for (let at = 0; at < part.length;) {
          const [place] = open;
          if (place === undefined) return;
          const piece = part.subarray(at, at + place.missing);
          place.parts.push(piece);
          place.missing -= piece.length;
          at += piece.length;
          if (place.missing === 0) open.shift();
        }
      }
    },
    take() {
      const ready: Uint8Array[] = [];
      let index = 0;
      for (; index < places.length; index++) {
        const place = places[index];
        if (place === undefined) break;
        ready.push(...place.parts.splice(0));
        if (place.missing > 0) break;
      }
      places = places.slice(index);
      return ready;
    },
  };
}
