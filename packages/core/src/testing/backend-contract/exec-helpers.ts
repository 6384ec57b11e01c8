import assert from "node:assert/strict";

import type { ProcessHandle } from "../../contract/index.ts";

/** Ends a command that waits for what never comes, so that the case says what was missing. */
export const GIVE_UP_MS = 20_000;

/** Reads output until it contains the text. */
export async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, text: string): Promise<string> {
  let seen = "";
  const decoder = new TextDecoder();
  while (!seen.includes(text)) {
    const { done, value } = await reader.read();
    assert.equal(done, false, `the output ended before ${JSON.stringify(text)}: ${JSON.stringify(seen)}`);
    seen += decoder.decode(value, { stream: true });
  }
  return seen;
}

/** Hands text to the process's standard input. */
export async function typeInto(handle: ProcessHandle, text: string): Promise<void> {
  const writer = handle.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
}
