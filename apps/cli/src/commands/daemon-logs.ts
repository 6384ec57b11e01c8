import { watch } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";

import { FileError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { printableLines } from "../output/printable.ts";
import { parseCount } from "../values/number.ts";

const DEFAULT_LINES = 200;
const TAIL_BYTES = 1024 * 1024;

export const daemonLogsCommand: Command = defineCommand({
  meta: { name: "logs", description: "Show the latest lines of the daemon's log." },
  args: {
    lines: { type: "string", alias: "n", valueHint: "N", description: `how many; default ${DEFAULT_LINES}` },
    follow: { type: "boolean", alias: "f", description: "go on with what is written" },
  },
  examples: ["daemon logs", "daemon logs -f -n 20"],
  async run({ args, context }) {
    const lines = args.lines === undefined ? DEFAULT_LINES : parseCount("--lines", args.lines);
    const path = join(await context.access.homeDirectory(), "logs", "daemon.log");
    await using file = await openLog(path);
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const text = await readFrom(file, start, size);
    const all = text.split("\n").slice(start === 0 ? 0 : 1);
    if (all.at(-1) === "") all.pop();
    const latest = all.slice(Math.max(0, all.length - lines));
    if (latest.length > 0) await context.output.write(`${printableLines(latest.join("\n"))}\n`);
    if (args.follow) await follow({ file, path, from: size }, context);
    return 0;
  },
});

async function follow(
  log: { readonly file: FileHandle; readonly path: string; readonly from: number },
  context: CommandContext,
): Promise<void> {
  let position = log.from;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => changed.resolve();
  const watcher = watch(dirname(log.path), wake);
  context.signal.addEventListener("abort", wake);
  try {
    while (!context.signal.aborted) {
      // Before the look: what changes during it is not missed.
      changed = Promise.withResolvers();
      const { size } = await log.file.stat();
      if (size < position) position = 0;
      if (size > position) {
        await context.output.write(printableLines(await readFrom(log.file, position, size)));
        position = size;
        continue;
      }
      if (!context.signal.aborted) await changed.promise;
    }
  } finally {
    watcher.close();
    context.signal.removeEventListener("abort", wake);
  }
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw new FileError({
      code: "file.not-found",
      message: "There is no log of the daemon yet",
      why: `${path} cannot be read`,
      fix: ["start the daemon: clauderon daemon start"],
      cause: error,
    });
  }
}

async function readFrom(file: FileHandle, start: number, end: number): Promise<string> {
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  return buffer.subarray(0, bytesRead).toString("utf8");
}
