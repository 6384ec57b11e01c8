import type { Readable } from "node:stream";

import { parseJson } from "@clauderon/core/host";

import type { EngineTransport } from "../engine/engine-transport.ts";
import type { ImageReference } from "./image-reference.ts";
import { PullTally, type PullProgress } from "./pull-progress.ts";

export interface PullOptions {
  /** For `X-Registry-Auth`. */
  readonly credentials: string;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  /** Ends the pull. */
  readonly signal?: AbortSignal | undefined;
}

/** Pulls one tag or digest. Rejects with what the engine or the registry said. */
export async function pullImage(
  transport: EngineTransport,
  reference: ImageReference,
  { credentials, onProgress, signal }: PullOptions,
): Promise<void> {
  const stream = await transport.stream({
    method: "POST",
    path: "/images/create",
    query: { fromImage: reference.name, tag: reference.version },
    headers: { "X-Registry-Auth": credentials },
    signal,
  });
  const tally = new PullTally(reference.whole);
  try {
    for await (const line of linesOf(stream)) {
      tally.add(parseJson(line, "what the engine says of the pull"));
      onProgress?.(tally.progress());
    }
  } finally {
    stream.destroy();
  }
}

/** Lines that are not empty; engines end them with `\n` or `\r\n`. */
async function* linesOf(stream: Readable): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}
