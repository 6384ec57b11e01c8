import { OperationError, UsageError, type ProcessHandle } from "@clauderon/core/contract";

import { RawKeyboard } from "../attach/raw-keyboard.ts";
import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { resolveSession } from "../session/resolve-session.ts";
import { parseDuration } from "../values/duration.ts";
import { readEnvironmentOptions } from "../values/environment-options.ts";

const OURS = 125;

export const execCommand: Command = defineCommand({
  meta: { name: "exec", description: "Run a command in a session, in its workspace and environment." },
  args: {
    name: { type: "positional", description: "session", completes: "sessions" },
    interactive: {
      type: "boolean",
      alias: "i",
      description: "pass standard input on (the default when it is no terminal)",
    },
    tty: { type: "boolean", alias: "t", description: "give the command a terminal" },
    env: { type: "string", alias: "e", valueHint: "K=V", repeatable: true, description: "add to its environment" },
    workdir: { type: "string", alias: "w", valueHint: "DIR", description: "where; relative to the workspace" },
    timeout: { type: "string", valueHint: "D", description: "kill it after so long, exit 8" },
  },
  tail: "COMMAND…",
  examples: [
    "exec fix-login -- git status",
    "exec fix-login -it -- bash",
    "exec fix-login -e CI=1 -w packages/core -- npm test",
  ],
  notes: ["Exits with the command's code; 126 it cannot be run, 127 it is not found, 125 clauderon itself failed."],
  exitCodes: (code) => {
    if (code.startsWith("usage.") || code === "operation.timeout") return undefined;
    return code === "command.not-found" ? 127 : OURS;
  },
  async run({ args, tail, context }) {
    const [program, ...rest] = tail;
    if (program === undefined) {
      throw new UsageError({
        code: "usage.needs-input",
        message: "exec needs a command",
        fix: ["put it behind --: clauderon exec NAME -- git status"],
      });
    }
    const timeoutMs = args.timeout === undefined ? undefined : parseDuration("--timeout", args.timeout);
    const environment = await readEnvironmentOptions({ pairs: args.env, file: undefined }, context);
    const session = await resolveSession(args.name, context);
    const hasInput = args.interactive || !context.keyboard.isTerminal;
    const process = await session.spawn([program, ...rest], {
      environment,
      cwd: args.workdir,
      timeoutMs,
      stdin: hasInput ? "pipe" : "ignore",
      terminal: args.tty ? context.terminalSize() : undefined,
      signal: context.signal,
    });
    const exit = await relay(process, context, { hasInput, isTerminal: args.tty });
    if (exit.isTimedOut) {
      throw new OperationError({
        code: "operation.timeout",
        message: `${program} did not end within ${args.timeout}`,
        fix: ["give it more time: --timeout"],
      });
    }
    return exit.exitCode;
  },
});

async function relay(
  process: ProcessHandle,
  context: CommandContext,
  how: { readonly hasInput: boolean; readonly isTerminal: boolean },
): Promise<Awaited<ProcessHandle["exit"]>> {
  let signalsSeen = 0;
  using _signals = context.handleSignals((signal) => {
    signalsSeen += 1;
    const sent = signalsSeen > 1 ? "SIGKILL" : signal === "SIGINT" || signal === "SIGHUP" ? signal : "SIGTERM";
    process.kill(sent).catch(ended);
  });
  using keyboard = new RawKeyboard(context, { isRaw: how.isTerminal && how.hasInput });
  if (how.isTerminal) {
    keyboard.onResize(() => {
      process.resize(context.terminalSize()).catch(ended);
    });
  }
  const input = how.hasInput ? feed(keyboard.bytes(), process) : undefined;
  try {
    await Promise.all([
      drain(process.stdout, (bytes) => context.output.write(bytes)),
      drain(process.stderr, (bytes) => context.output.writeError(bytes)),
    ]);
  } catch (error) {
    // The reader of our output has gone: nobody wants the rest.
    await process.kill("SIGTERM").catch(ended);
    throw error;
  }
  const exit = await process.exit;
  keyboard.close();
  await input;
  return exit;
}

async function feed(input: AsyncIterable<Uint8Array>, process: ProcessHandle): Promise<void> {
  const writer = process.stdin.getWriter();
  try {
    for await (const bytes of input) await writer.write(bytes);
    await writer.close();
  } catch {
    // The command ended without reading all its input; its exit code tells the rest.
  }
}

async function drain(stream: ReadableStream<Uint8Array>, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  for await (const bytes of stream) await take(bytes);
}

/** A signal or a size for a process that has just ended is too late, and nothing else. */
const ended = (): void => undefined;
