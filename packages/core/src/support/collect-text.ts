import { RequestError } from "../contract/errors/request-error.ts";

/** More collected output than this is refused. */
const maxCollectedBytes = 64 * 1024 * 1024;

/** Everything a stream carries, decoded as UTF-8 (invalid bytes become U+FFFD). Rejects with `request.too-large` beyond 64 MiB. */
export async function collectText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.byteLength;
    if (length > maxCollectedBytes) {
      throw new RequestError({
        code: "request.too-large",
        message: `The command printed more than ${maxCollectedBytes / 1024 / 1024} MiB`,
        fix: ["stream its output instead: spawn() in the library, clauderon exec on the command line"],
      });
    }
    parts.push(decoder.decode(chunk, { stream: true }));
  }
  parts.push(decoder.decode());
  return parts.join("");
}
