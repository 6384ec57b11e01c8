/** An entry of an archive made by hand, also one that no honest program writes. */
export interface TarEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  readonly content?: string | undefined;
  readonly target?: string | undefined;
  readonly mode?: number | undefined;
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const BLOCK = 512;
const kindFlags = { file: "0", hardlink: "1", symlink: "2", directory: "5" } as const;

/** A POSIX ustar archive of the entries, exactly as given; names of at most 100 bytes. */
export function tarArchive(entries: readonly TarEntry[]): ReadableStream<Uint8Array> {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? "");
    return [header(entry, content.length), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
  });
  return streamOf(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

/** The bytes in chunks of 64 KiB. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (offset >= bytes.length) {
        controller.close();
        return;
      }
      controller.enqueue(bytes.slice(offset, offset + 65_536));
      offset += 65_536;
    },
  });
}

function header(entry: TarEntry, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(entry.name, 0, 100);
  block.write(octal(entry.mode ?? 0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(0, 11), 136);
  block.write("        ", 148);
  block.write(kindFlags[entry.kind], 156);
  block.write(entry.target ?? "", 157, 100);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
