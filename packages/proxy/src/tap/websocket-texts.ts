/** Reads the text messages of one direction of a WebSocket (RFC 6455, section 5.2). */
export interface WebSocketTexts {
  write(chunk: Uint8Array): void;
}

const OPCODE_CONTINUATION = 0;
const OPCODE_TEXT = 1;
/** A compressed message: its extension has to be refused at the handshake, nothing is seen of it here. */
const RESERVED_BITS = 0x70;

/** Hands on the unmasked bytes of text messages as they come; `isStart` at a message's first. Never keeps a payload. */
export function createWebSocketTexts(onText: (bytes: Uint8Array, isStart: boolean) => void): WebSocketTexts {
  let head: number[] = [];
  let needed = 2;
  let remaining = 0;
  let position = 0;
  let mask: readonly number[] = [];
  let isText = false;
  let isWanted = false;
  let isStart = false;

  /** True when the frame's head is complete. */
  function readHead(byte: number): boolean {
    head.push(byte);
    if (head.length < needed) return false;
    const second = head[1] ?? 0;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const isMasked = (second & 0x80) !== 0;
    needed = 2 + lengthBytes + (isMasked ? 4 : 0);
    if (head.length < needed) return false;
    const first = head[0] ?? 0;
    const opcode = first & 0x0f;
    remaining = lengthBytes === 0 ? short : head.slice(2, 2 + lengthBytes).reduce((sum, digit) => sum * 256 + digit, 0);
    mask = isMasked ? head.slice(-4) : [];
    position = 0;
    if (opcode === OPCODE_TEXT) {
      isText = (first & RESERVED_BITS) === 0;
      isStart = true;
    } else if (opcode > OPCODE_TEXT && opcode < 8) isText = false;
    isWanted = isText && (opcode === OPCODE_TEXT || opcode === OPCODE_CONTINUATION);
    head = [];
    needed = 2;
    return true;
  }

  return {
    write(chunk) {
      for (let at = 0; at < chunk.length;) {
        if (remaining === 0) {
          readHead(chunk[at] ?? 0);
          at += 1;
          continue;
        }
        const piece = chunk.subarray(at, at + Math.min(remaining, chunk.length - at));
        if (isWanted) {
          const offset = position;
          onText(
            mask.length === 0 ? piece : piece.map((byte, index) => byte ^ (mask[(offset + index) & 3] ?? 0)),
            isStart,
          );
          isStart = false;
        }
        position += piece.length;
        remaining -= piece.length;
        at += piece.length;
      }
    },
  };
}
