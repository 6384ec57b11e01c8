import { ClauderonError } from "../../contract/errors/clauderon-error.ts";
import { InternalError } from "../../contract/errors/internal-error.ts";
import { createCommandRunner } from "../create-command-runner.ts";
import type { HelperAnswer, HelperRequest } from "./command-messages.ts";

// Runs commands for the process that started it, and ends with it. What it runs then goes on, as if that process itself had started it.

/** Chunks that may be on their way: a reader that is slow holds the program back. */
const CHUNKS_ON_THE_WAY = 16;

interface Command {
  readonly controller: AbortController;
  /** Resolves the wait for a chunk to be taken. */
  onTaken: () => void;
  onTheWay: number;
}

const runner = createCommandRunner();
const commands = new Map<number, Command>();

function say(answer: HelperAnswer): void {
  process.send?.(answer);
}

async function perform(request: Extract<HelperRequest, { readonly program: string }>): Promise<void> {
  const { type, id, program, args } = request;
  const command: Command = { controller: new AbortController(), onTaken: () => undefined, onTheWay: 0 };
  commands.set(id, command);
  const options = { ...request.options, signal: command.controller.signal };
  try {
    if (type === "run") {
      say({ type: "end", id, result: await runner.run(program, args, options) });
    } else {
      for await (const chunk of runner.stream(program, args, options)) {
        say({ type: "chunk", id, chunk });
        command.onTheWay += 1;
        if (command.onTheWay >= CHUNKS_ON_THE_WAY) await new Promise<void>((resolve) => (command.onTaken = resolve));
      }
      say({ type: "end", id });
    }
  } catch (error) {
    say({ type: "error", id, error: (ClauderonError.isInstance(error) ? error : new InternalError(error)).toJSON() });
  } finally {
    commands.delete(id);
  }
}

process.on("message", (request: HelperRequest) => {
  const command = commands.get(request.id);
  if (request.type === "abort") {
    command?.controller.abort(new Error("aborted"));
    command?.onTaken();
  } else if (request.type === "taken") {
    if (command === undefined) return;
    command.onTheWay -= 1;
    command.onTaken();
  } else {
    void perform(request);
  }
});
process.on("disconnect", () => process.exit(0));
// What ends a terminal's programs ends the process that is helped; this one ends with it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// Loaded lazily elsewhere; here it must be there also when an upgrade has replaced the installed files.
await import("execa");
say({ type: "ready" });
