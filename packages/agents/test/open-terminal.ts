import { stripVTControlCharacters } from "node:util";

import { spawnProcess, type SpawnedProcess, type SpawnOptions } from "@clauderon/core/host";

/** A program in a terminal that answers the questions a terminal answers. */
export interface OpenTerminal {
  readonly process: SpawnedProcess;
  /** All it printed, without control sequences. */
  screen(): string;
}

export async function openTerminal(
  argv: readonly [string, ...string[]],
  options: Pick<SpawnOptions, "cwd" | "environment">,
): Promise<OpenTerminal> {
  const process = await spawnProcess(argv, { ...options, terminal: { columns: 120, rows: 40 } });
  const keyboard = process.stdin.getWriter();
  let printed = "";
  const read = async () => {
    for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
      printed += chunk;
      // Where is the cursor; what are you.
      if (chunk.includes("\u001b[6n")) await keyboard.write(Buffer.from("\u001b[1;1R"));
      if (chunk.includes("\u001b[c")) await keyboard.write(Buffer.from("\u001b[?62c"));
    }
  };
  void read().catch((error: unknown) => {
    printed += `\n${String(error)}`;
  });
  return { process, screen: () => stripVTControlCharacters(printed) };
}
