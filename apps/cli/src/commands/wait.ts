import { OperationError, SessionError, UsageError, type Clauderon, type SessionDetail } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { defineCommand, type Command } from "../command/command.ts";
import { currentSession, resolveSession } from "../session/resolve-session.ts";
import { sessionWords } from "../session/session-words.ts";
import { fixesFor } from "../strict-arguments.ts";
import { parseDuration } from "../values/duration.ts";

const LOOK_AGAIN_MS = 1000;

type Goal = { readonly kind: "exit" } | { readonly kind: "status"; readonly word: string };

export const waitCommand: Command = defineCommand({
  meta: { name: "wait", description: "Wait until sessions have ended or reached a state." },
  args: {
    name: { type: "positional", repeatable: true, description: "sessions", completes: "sessions" },
    for: { type: "string", valueHint: "exit|status=S", description: "what to wait for; default exit" },
    timeout: { type: "string", valueHint: "D", description: "give up after so long, exit 8" },
  },
  examples: ["wait fix-login", "wait fix-login --for status=running --timeout 30s"],
  notes: [
    "exit: the agent has ended (stopped or failed). A session that fails while another state is awaited exits 7.",
  ],
  async run({ args, context }) {
    const goal = parseGoal(args.for ?? "exit");
    const timeoutMs = args.timeout === undefined ? undefined : parseDuration("--timeout", args.timeout);
    const named = args.name.length > 0 ? args.name : [await currentSession(context)];
    const sessions = await Promise.all(named.map((name) => resolveSession(name, context)));
    const client = await context.client();
    const deadline = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const signal = deadline === undefined ? context.signal : AbortSignal.any([context.signal, deadline]);
    try {
      const reached = await Promise.all(
        sessions.map((session) => reach(client, { reference: session.id, goal, signal })),
      );
      await tell(reached, context);
      return 0;
    } catch (error) {
      if (deadline?.aborted !== true || context.signal.aborted) throw error;
      throw new OperationError({
        code: "operation.timeout",
        message: `Not reached within ${args.timeout}: ${args.for ?? "exit"}`,
        fix: ["wait longer: --timeout", "see where they are: clauderon list"],
        cause: error,
      });
    }
  },
});

function parseGoal(text: string): Goal {
  if (text === "exit") return { kind: "exit" };
  const [, word] = /^status=(.+)$/.exec(text) ?? [];
  if (word !== undefined && sessionWords.includes(word)) return { kind: "status", word };
  throw new UsageError({
    message: `--for cannot be "${text}"`,
    fix: fixesFor(
      word ?? text,
      word === undefined ? ["exit"] : sessionWords,
      `write --for exit, or --for status= and one of: ${sessionWords.join(", ")}`,
    ),
  });
}

async function reach(
  client: Clauderon,
  wish: { readonly reference: string; readonly goal: Goal; readonly signal: AbortSignal },
): Promise<SessionDetail> {
  const { reference, goal, signal } = wish;
  const stop = new AbortController();
  const events = client.events({ signal: AbortSignal.any([signal, stop.signal]) })[Symbol.asyncIterator]();
  try {
    // Listening begins before the first look, so that nothing is missed in between.
    let next = events.next();
    for (;;) {
      const session = await client.sessions.get(reference, { signal });
      const detail = await session.detail({ signal });
      if (isReached(detail, goal)) return detail;
      if (detail.lifecycle === "failed") throw failedMeanwhile(detail, goal);
      const event = await Promise.race([next, pause(signal)]);
      signal.throwIfAborted();
      // An ended stream has no next event; from then on only time makes it look again.
      if (event !== undefined) next = event.done === true ? new Promise(() => undefined) : events.next();
    }
  } finally {
    stop.abort();
  }
}

function isReached(detail: SessionDetail, goal: Goal): boolean {
  if (goal.kind === "exit") return ["stopped", "failed", "archived"].includes(detail.lifecycle);
  return detail.state === goal.word || detail.lifecycle === goal.word;
}

function failedMeanwhile(detail: SessionDetail, goal: Goal): SessionError {
  return new SessionError({
    message: `${detail.name} failed and will not be ${goal.kind === "status" ? goal.word : "ended"} by itself`,
    why: detail.error?.message,
    fix: [`see why: clauderon status ${detail.name}`, `try again: clauderon start ${detail.name}`],
  });
}

/** Looks again at times even if an event was lost. */
function pause(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, LOOK_AGAIN_MS);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(undefined);
    }
    signal.addEventListener("abort", done, { once: true });
  });
}

async function tell(reached: readonly SessionDetail[], context: CommandContext): Promise<void> {
  if (context.flags.isJson) await context.output.json(reached);
  else if (!context.flags.isQuiet) for (const { name, state } of reached) await context.output.line(`${name} ${state}`);
}
