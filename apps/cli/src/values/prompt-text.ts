import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { FileError, UsageError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";

/** The prompt of `--prompt` or `--prompt-file` (`-` = standard input), exactly as it is; `undefined` without either. */
export async function readPromptText(
  options: { readonly prompt: string | undefined; readonly file: string | undefined },
  context: Pick<CommandContext, "keyboard" | "currentDirectory">,
): Promise<string | undefined> {
  if (options.prompt !== undefined && options.file !== undefined) {
    throw new UsageError({
      message: "--prompt and --prompt-file exclude each other",
      fix: ["keep one of them"],
    });
  }
  if (options.file === undefined) return check(options.prompt);
  const bytes =
    options.file === "-"
      ? Buffer.concat(await Array.fromAsync<Uint8Array>(context.keyboard.stream))
      : await readBytes(resolve(context.currentDirectory, options.file));
  return check(decode(bytes));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FileError({
      code: "file.not-found",
      message: `--prompt-file cannot be read: ${path}`,
      why: error instanceof Error ? error.message : String(error),
      fix: ["check the path", "or read it from standard input: --prompt-file -"],
      cause: error,
    });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (error) {
    throw new UsageError({ message: "the prompt is not UTF-8 text", fix: ["convert the file to UTF-8"], cause: error });
  }
}

function check(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === "") {
    throw new UsageError({ message: "the prompt is empty", fix: ["write one", "or leave the option out"] });
  }
  if (text.includes("\0")) {
    throw new UsageError({
      message: "the prompt holds a NUL character",
      why: "no program can be given one",
      fix: ["remove it"],
    });
  }
  return text;
}
