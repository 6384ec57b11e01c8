const BULK_BYTES = 1024;
/** Of one argument, in UTF-16 units: three bytes each at most, and the system takes 128 KiB. */
const PORTION = 32_768;

// oxlint-disable-next-line no-control-regex -- keys, some of them zellij's own
const keys = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/u;

/**
 * The input as portions of text, when it is long and holds no keys that zellij may answer. zellij takes typed input key by key and drops a client that
 * is behind with thousands of them; text it takes as one message.
 */
export function bulkText(bytes: Uint8Array): readonly string[] | undefined {
  if (bytes.length < BULK_BYTES) return undefined;
  const text = textOf(bytes);
  if (text === undefined || keys.test(text)) return undefined;
  const portions: string[] = [];
  for (let from = 0; from < text.length;) {
    const isCut = isFirstOfPair(text.charCodeAt(from + PORTION - 1)) && from + PORTION < text.length;
    const to = from + PORTION - (isCut ? 1 : 0);
    portions.push(text.slice(from, to));
    from = to;
  }
  return portions;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8, or a character that was cut in two.
    return undefined;
  }
}

function isFirstOfPair(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
