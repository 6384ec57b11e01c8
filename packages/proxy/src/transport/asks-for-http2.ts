import type { Duplex } from "node:stream";

const handshakeRecord = 22;
const clientHello = 1;
const protocolsExtension = 16;
const recordHeaderBytes = 5;
/** A ClientHello with post-quantum keys has some 2 KiB. */
const longestHelloBytes = 64 * 1024;

/**
 * Whether the ClientHello that comes next offers HTTP/2 (RFC 7301). What was read is put back. Anything that cannot be understood offers nothing: TLS itself says what is wrong
 * with it.
 */
export async function asksForHttp2(socket: Duplex): Promise<boolean> {
  return new Promise((fulfil) => {
    const chunks: Buffer[] = [];
    const done = (answer: boolean): void => {
      for (const event of ["readable", "end", "close"]) socket.off(event, look);
      // A client that has ended gets no answer.
      if (chunks.length > 0 && !socket.destroyed && !socket.readableEnded) socket.unshift(Buffer.concat(chunks));
      fulfil(answer);
    };
    const look = (): void => {
      for (let chunk = read(socket); chunk !== null; chunk = read(socket)) chunks.push(chunk);
      const [first] = chunks;
      const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      const answer = offersHttp2(bytes);
      if (answer !== undefined) done(answer);
      else if (bytes.length > longestHelloBytes || socket.readableEnded || socket.destroyed) done(false);
    };
    for (const event of ["readable", "end", "close"]) socket.on(event, look);
    look();
  });
}

function read(socket: Duplex): Buffer | null {
  return socket.read() as Buffer | null;
}

/** `undefined` = more is needed. */
function offersHttp2(bytes: Buffer): boolean | undefined {
  const hello = handshakeMessage(bytes);
  if (hello === undefined || typeof hello === "boolean") return hello;
  try {
    return hasHttp2(hello);
  } catch {
    // A length that leads out of the message.
    return false;
  }
}

/** The ClientHello put together from its records. */
function handshakeMessage(bytes: Buffer): Buffer | false | undefined {
  const parts: Buffer[] = [];
  let size = 0;
  let position = 0;
  while (position + recordHeaderBytes <= bytes.length) {
    if (bytes[position] !== handshakeRecord) return false;
    const length = bytes.readUInt16BE(position + 3);
    if (length === 0) return false;
    const start = position + recordHeaderBytes;
    if (start + length > bytes.length) return undefined;
    parts.push(bytes.subarray(start, start + length));
    size += length;
    position = start + length;
    if (size < 4) continue;
    const message = Buffer.concat(parts);
    if (message[0] !== clientHello) return false;
    const wanted = 4 + message.readUIntBE(1, 3);
    if (message.length >= wanted) return message.subarray(4, wanted);
  }
  return bytes.length > 0 && bytes[0] !== handshakeRecord ? false : undefined;
}

function hasHttp2(hello: Buffer): boolean {
  // Version and random, then session id, cipher suites, compression methods.
  let position = 34;
  position += 1 + hello.readUInt8(position);
  position += 2 + hello.readUInt16BE(position);
  position += 1 + hello.readUInt8(position);
  position += 2;
  while (position + 4 <= hello.length) {
    const type = hello.readUInt16BE(position);
    const length = hello.readUInt16BE(position + 2);
    if (type === protocolsExtension) return listsHttp2(hello.subarray(position + 6, position + 4 + length));
    position += 4 + length;
  }
  return false;
}

function listsHttp2(names: Buffer): boolean {
  for (let position = 0; position < names.length; position += 1 + (names[position] ?? 0))
    if (names.toString("latin1", position, position + 3) === "\u0002h2") return true;
  return false;
}
