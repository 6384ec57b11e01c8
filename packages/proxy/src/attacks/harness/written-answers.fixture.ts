/** An answer of HTTP/1.1 with its length. */
export function wholeAnswer(body: string | Buffer, headers: readonly string[] = []): Buffer {
  const head = ["HTTP/1.1 200 OK", `Content-Length: ${Buffer.byteLength(body)}`, ...headers, "", ""].join("\r\n");
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]);
}

/** The same in chunks of so many bytes, each a part of its own. */
export function chunkedAnswer(body: Buffer, size: number, headers: readonly string[] = []): readonly Buffer[] {
  const head = Buffer.from(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", ...headers, "", ""].join("\r\n"));
  const chunks = pieces(body, size).map((piece) =>
    Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]),
  );
  return [head, ...chunks, Buffer.from("0\r\n\r\n")];
}

/** A stream of events whose data is so many bytes each. */
export function eventStream(body: Buffer, size: number): readonly Buffer[] {
  const events = pieces(body, size).flatMap((piece) => [Buffer.from("data: "), piece, Buffer.from("\n\n")]);
  return chunkedAnswer(Buffer.concat(events), 9, ["Content-Type: text/event-stream"]);
}

/** A WebSocket that opens, and one message in a frame for each payload. */
export function webSocketAnswer(payloads: readonly Buffer[]): readonly Buffer[] {
  const frames = payloads.map((payload, index) => {
    const first = (index === 0 ? 1 : 0) | (index === payloads.length - 1 ? 0x80 : 0);
    const size = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
    return Buffer.concat([Buffer.of(first, ...size), payload]);
  });
  const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  return [Buffer.from(head), ...frames];
}

/** Cuts bytes. */
export function pieces(bytes: Buffer, size: number): readonly Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}
