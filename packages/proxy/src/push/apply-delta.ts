/** A delta of gitformat-pack: sizes, then copies from the base and insertions. `undefined` = it is damaged or its result larger than the limit. */
export function applyDelta(base: Buffer, delta: Buffer, limit: number): Buffer | undefined {
  const reader = { at: 0 };
  const baseSize = readSize(delta, reader);
  const size = readSize(delta, reader);
  if (baseSize !== base.length || size > limit) return undefined;
  const parts: Buffer[] = [];
  let length = 0;
  while (reader.at < delta.length) {
    const part = readPart(base, delta, reader);
    length += part?.length ?? 0;
    if (part === undefined || length > size) return undefined;
    parts.push(part);
  }
  return length === size ? Buffer.concat(parts, length) : undefined;
}

interface Reader {
  at: number;
}

function readPart(base: Buffer, delta: Buffer, reader: Reader): Buffer | undefined {
  const code = delta[reader.at++] ?? 0;
  if (code === 0) return undefined;
  if (code < 128) {
    const part = delta.subarray(reader.at, reader.at + code);
    reader.at += code;
    return part.length === code ? part : undefined;
  }
  const start = readBytes(delta, reader, code & 15);
  const count = readBytes(delta, reader, (code >> 4) & 7) || 65_536;
  return start + count <= base.length ? base.subarray(start, start + count) : undefined;
}

/** The bytes, lowest first, whose bit is set in `mask`; the others are zero. */
function readBytes(delta: Buffer, reader: Reader, mask: number): number {
  let value = 0;
  for (let index = 0; mask >> index > 0; index++) {
    if (mask & (1 << index)) value += (delta[reader.at++] ?? 0) * 256 ** index;
  }
  return value;
}

function readSize(delta: Buffer, reader: Reader): number {
  let size = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = delta[reader.at++] ?? 0;
    size += (byte & 127) * scale;
    if (byte < 128) return size;
  }
}
