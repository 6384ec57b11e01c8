import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { PtyInput } from "./pty-input.ts";

/** More than a pipe's buffer. */
const LARGE_BYTES = 300_000;

describe("input that never blocks", () => {
  let directory: string;
  let reader: number;
  let writer: number;
  let input: PtyInput;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "input-"));
    const path = join(directory, "pipe");
    execFileSync("mkfifo", [path]);
    reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    input = new PtyInput(writer);
  });
  afterEach(async () => {
    input.close();
    closeSync(writer);
    closeSync(reader);
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });

  const read = async (length: number): Promise<Buffer> => {
    const all = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      try {
        at += readSync(reader, all, at, length - at, null);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return all;
  };

  it("waits while there is no room, loses nothing and keeps the order", async () => {
    const large = Buffer.from(Array.from({ length: LARGE_BYTES }, (_, index) => index % 251));
    let isWritten = false;
    const writes = Promise.all([
      input.write(large).then(() => {
        isWritten = true;
      }),
      input.write(Buffer.from("end")),
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isWritten).toBe(false);
    const seen = await read(LARGE_BYTES + 3);
    await writes;
    expect(seen.equals(Buffer.concat([large, Buffer.from("end")]))).toBe(true);
  });

  it("ends every wait when it is closed, and takes nothing afterwards", async () => {
    const writes = [input.write(Buffer.alloc(LARGE_BYTES)), input.write(Buffer.from("more"))];
    input.close();
    await Promise.all(writes);
    await input.write(Buffer.from("late"));
  });

  it("gives up, without an error, when nobody can read any more", async () => {
    closeSync(reader);
    await input.write(Buffer.from("words"));
    await input.write(Buffer.from("more"));
    reader = openSync("/dev/null", "r");
  });
});
