/** A way to write a secret, and the bytes that then stand for it. */
export interface CanaryForm {
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** How a text is written in an encoding; around it may stand what moves it. */
export const canaryEncoders: Readonly<Record<string, (text: string) => Buffer>> = {
  plain: (text) => Buffer.from(text),
  "base64, alignment 0": (text) => Buffer.from(Buffer.from(text).toString("base64")),
  "base64, alignment 1": (text) => Buffer.from(Buffer.from(`u${text}`).toString("base64")),
  "base64, alignment 2": (text) => Buffer.from(Buffer.from(`u:${text}`).toString("base64")),
  "base64url, alignment 0": (text) => Buffer.from(Buffer.from(text).toString("base64url")),
  "base64url, alignment 1": (text) => Buffer.from(Buffer.from(`u${text}`).toString("base64url")),
  "base64url, alignment 2": (text) => Buffer.from(Buffer.from(`u:${text}`).toString("base64url")),
  percent: (text) => Buffer.from(encodeURIComponent(text)),
  "percent, every byte": (text) => Buffer.from(Buffer.from(text).toString("hex").replaceAll(/../g, "%$&")),
  JSON: (text) => Buffer.from(JSON.stringify(text).slice(1, -1)),
  "JSON, slashes escaped": (text) => Buffer.from(JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/")),
  "JSON, every character": (text) => Buffer.from(Array.from(text, escaped).join("")),
  HTML: (text) => Buffer.from(text.replaceAll("&", "&amp;").replaceAll('"', "&quot;")),
  hex: (text) => Buffer.from(Buffer.from(text).toString("hex")),
  "hex, capitals": (text) => Buffer.from(Buffer.from(text).toString("hex").toUpperCase()),
  "UTF-16LE": (text) => Buffer.from(text, "utf16le"),
  "UTF-16BE": (text) => Buffer.from(text, "utf16le").swap16(),
};

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What to look for: of base64 the letters that hold bits of the text alone. */
export function canaryForms(text: string): readonly CanaryForm[] {
  const size = Buffer.byteLength(text);
  return Object.entries(canaryEncoders).map(([encoding, encode]) => {
    const bytes = encode(text);
    const shift = encoding.startsWith("base64") ? Number(encoding.at(-1)) : undefined;
    if (shift === undefined) return { encoding, bytes };
    const first = Math.ceil((shift * 8) / 6);
    return { encoding, bytes: bytes.subarray(first, Math.floor(((shift + size) * 8) / 6)) };
  });
}

/** In which encodings the text stands in the bytes; capitals and small letters of hexadecimal digits and percent signs are the same. */
export function scanBytes(bytes: Buffer, text: string): readonly string[] {
  const { squeezed, folded } = preparedOf(bytes);
  return canaryForms(text)
    .filter(({ encoding, bytes: form }) =>
      /^(?:percent|hex|JSON, every)/u.test(encoding)
        ? folded.includes(form.toString("latin1").toLowerCase(), 0, "latin1")
        : squeezed.includes(form),
    )
    .map(({ encoding }) => encoding);
}

interface Prepared {
  /** Without the long runs of zeros that bombs are made of. */
  readonly squeezed: Buffer;
  /** The same in small letters. */
  readonly folded: Buffer;
}

const prepared = new WeakMap<Buffer, Prepared>();

const block = Buffer.alloc(4096);

/** Without blocks of nothing but zeros. */
function withoutZeros(bytes: Buffer): Buffer {
  if (bytes.length < 1 << 20) return bytes;
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += block.length) {
    const part = bytes.subarray(at, at + block.length);
    if (!part.equals(block)) parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Made once for all that is looked for in the same bytes. */
function preparedOf(bytes: Buffer): Prepared {
  const known = prepared.get(bytes);
  if (known !== undefined) return known;
  const squeezed = withoutZeros(bytes);
  const folded = Buffer.from(squeezed.toString("latin1").toLowerCase(), "latin1");
  const made = { squeezed, folded };
  prepared.set(bytes, made);
  return made;
}
