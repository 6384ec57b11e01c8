import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { makePrivateDirectory } from "../host/make-private-directory.ts";

const MAX_BYTES = 8 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;
const TAIL_LINES = 20;

/** Where the output of a setup goes; what comes after 8 MiB is only kept as its tail. */
export class SetupLog implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  #written = 0;
  #tail = Buffer.alloc(0);
  /** Chunks of two streams come one after the other. */
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** A new one in the place of an earlier one. */
  static async open(path: string): Promise<SetupLog> {
    await makePrivateDirectory(dirname(path));
    await rm(path, { force: true });
    return new SetupLog(path, await open(path, "wx", 0o600));
  }

  /** Reads the stream to its end. */
  async drain(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) await this.write(chunk);
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#last = this.#last.then(() => this.#append(chunk));
    return this.#last;
  }

  /** The last lines, as text. */
  tail(): string {
    return this.#tail.toString("utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #append(chunk: Uint8Array): Promise<void> {
    this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES);
    const room = MAX_BYTES - this.#written;
    if (room <= 0) return;
    await this.#file.writeFile(chunk.subarray(0, room));
    this.#written += chunk.length;
    if (this.#written > MAX_BYTES) await this.#file.writeFile("\n[the rest is left out]\n");
  }
}
