import type { Session } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { printableLines } from "../output/printable.ts";
import { appendedLines } from "../session/appended-lines.ts";
import { resolveSession } from "../session/resolve-session.ts";
import { parseCount } from "../values/number.ts";

const DEFAULT_LINES = 200;
const FOLLOWED_LINES = 1000;
const SETTLE_MS = 100;

export const logsCommand: Command = defineCommand({
  meta: { name: "logs", description: "Show the latest lines of the agent's terminal as plain text." },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    lines: { type: "string", alias: "n", valueHint: "N", description: `how many; default ${DEFAULT_LINES}` },
    follow: { type: "boolean", alias: "f", description: "go on until the agent ends" },
  },
  examples: ["logs fix-login", "logs fix-login -n 20", "logs -f fix-login"],
  async run({ args, context }) {
    const lines = args.lines === undefined ? DEFAULT_LINES : parseCount("--lines", args.lines);
    const session = await resolveSession(args.name, context);
    if (args.follow) return follow(session, lines, context);
    const text = await session.text({ lines, signal: context.signal });
    if (context.flags.isJson) await context.output.json({ schemaVersion: 1, name: session.name, text });
    else await print(linesOf(text), context);
    return 0;
  },
});

/** Prints whole lines as they appear; the line that is being written follows when it is complete. */
async function follow(session: Session, lines: number, context: CommandContext): Promise<number> {
  const { signal } = context;
  await using terminal = await session.terminal({ signal });
  const read = async (): Promise<readonly string[]> => linesOf(await session.text({ lines: FOLLOWED_LINES, signal }));
  let known = await read();
  await print(known.slice(Math.max(0, known.length - lines)), context);
  let isDirty = false;
  let isEnded = false;
  let wake: () => void = () => undefined;
  const watching = (async () => {
    try {
      for await (const chunk of terminal.output) {
        if (chunk.isReplay) continue;
        isDirty = true;
        wake();
      }
    } finally {
      isEnded = true;
      wake();
    }
  })();
  const onAbort = (): void => {
    wake();
  };
  signal.addEventListener("abort", onAbort);
  while (!signal.aborted) {
    if (!isDirty && !isEnded) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (signal.aborted) break;
    const wasEnded = isEnded;
    // Output comes in pieces; one look at the screen serves all of a moment.
    if (!wasEnded) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    isDirty = false;
    const current = await read().catch((error: unknown) => {
      // After the end the screen may be gone; everything up to the last look has been printed.
      if (isEnded) return known;
      throw error;
    });
    await print(appendedLines(known, current), context);
    known = current;
    if (wasEnded) break;
  }
  signal.removeEventListener("abort", onAbort);
  signal.throwIfAborted();
  await watching;
  return 0;
}

function linesOf(text: string): readonly string[] {
  const trimmed = text.replace(/\n+$/, "");
  return trimmed === "" ? [] : trimmed.split("\n");
}

async function print(lines: readonly string[], context: CommandContext): Promise<void> {
  if (lines.length > 0) await context.output.write(`${printableLines(lines.join("\n"))}\n`);
}
