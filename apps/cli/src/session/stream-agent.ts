import type { Session } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { exitCodeOf } from "../signals.ts";

/**
 * Hands a headless agent's streams through to its end and resolves with its exit code. Ctrl-C, SIGTERM and SIGHUP stop the session first.
 */
export async function streamAgent(session: Session, context: CommandContext): Promise<number> {
  await using terminal = await session.terminal({ since: 0, signal: context.signal });
  let interrupted: NodeJS.Signals | undefined;
  let stopping: Promise<unknown> | undefined;
  using signals = context.handleSignals((signal) => {
    if (interrupted !== undefined) return;
    interrupted = signal;
    context.output.say(`Stopping ${session.name}…`);
    stopping = session.stop({ graceMs: 1000 }).then(
      () => terminal.close(),
      () => terminal.close(),
    );
  });
  for await (const chunk of terminal.output) {
    await (chunk.source === "stderr" ? context.output.writeError(chunk.bytes) : context.output.write(chunk.bytes));
  }
  const end = await terminal.ended;
  await stopping;
  signals[Symbol.dispose]();
  if (interrupted !== undefined) return exitCodeOf(interrupted);
  return end?.exitCode ?? (await session.detail()).exitCode ?? 1;
}
