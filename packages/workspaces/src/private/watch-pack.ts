/** What a watcher of the stream says no to. */
export interface Refusal {
  /** A sentence. */
  readonly why: string;
  /** What allows more. */
  readonly setting?: "sync_objects" | "sync_refs" | undefined;
}

const HEADER = 12;
/** gitprotocol-common(5): four digits and at most so much. */
const MAX_LINE = 65_520;

/**
 * Reads along what `upload-pack` sends (gitprotocol-v2(5)) and looks at the header of every pack before git does: `index-pack` takes room for as many
 * objects as it names. Returns why the stream must not go on.
 */
export function watchPack(
  maxObjects: number,
  /** Of everything but packs: names of references, which git keeps in memory. */
  maxNameBytes: number = Infinity,
): (chunk: Uint8Array) => Refusal | undefined {
  let nameBytes = 0;
  let rest = Buffer.alloc(0);
  let isFirst = true;
  /** The beginning of the pack that is coming; `undefined` = none is, or it was looked at. */
  let header: Buffer | undefined;
  const line = (payload: Buffer): Refusal | undefined => {
    if (isFirst) {
      isFirst = false;
      return textOf(payload) === "version 2"
        ? undefined
        : { why: "git inside does not speak version 2 of its protocol" };
    }
    // With everything in a band, so is the section's name.
    const name = textOf(payload[0] === 1 ? payload.subarray(1) : payload);
    if (header === undefined && name === "packfile") {
      header = Buffer.alloc(0);
      return undefined;
    }
    if (header === undefined || header.length >= HEADER || payload[0] !== 1) return undefined;
    header = Buffer.concat([header, payload.subarray(1, 1 + HEADER - header.length)]);
    return header.length < HEADER ? undefined : refusalOf(header, maxObjects);
  };
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length < 4) return undefined;
      const digits = rest.toString("latin1", 0, 4);
      const length = /^[0-9a-fA-F]{4}$/u.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
      if (Number.isNaN(length) || length === 3 || length > MAX_LINE)
        return { why: "git inside sent what is not its protocol" };
      if (length < 4) {
        // The end of a message: a pack begins anew.
        if (length !== 1) header = undefined;
        rest = rest.subarray(4);
        continue;
      }
      if (rest.length < length) return undefined;
      if (header === undefined) nameBytes += length;
      if (nameBytes > maxNameBytes)
        return { why: "the sandbox names more references than are taken", setting: "sync_refs" };
      const refusal = line(rest.subarray(4, length));
      if (refusal !== undefined) return refusal;
      rest = rest.subarray(length);
    }
  };
}

/** As git compares: up to a NUL, without the newline. */
function textOf(payload: Buffer): string {
  const [text = ""] = payload.toString("latin1").replace(/\n$/u, "").split("\0");
  return text;
}

function refusalOf(header: Buffer, maxObjects: number): Refusal | undefined {
  if (header.toString("latin1", 0, 4) !== "PACK") return { why: "git inside sent a pack that is none" };
  const count = header.readUInt32BE(8);
  return count <= maxObjects
    ? undefined
    : {
        why: `the sandbox sent ${String(count)} objects; at most ${String(maxObjects)} are taken`,
        setting: "sync_objects",
      };
}
