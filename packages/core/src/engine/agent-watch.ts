import { AgentError } from "../contract/errors/agent-error.ts";
import type { ClauderonErrorJson } from "../contract/errors/clauderon-error.ts";
import { SandboxError } from "../contract/errors/sandbox-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { AgentProcessStatus, Sandbox } from "../contract/sandbox.ts";
import type { SessionState } from "../contract/session-state.ts";

/** What is to be recorded of an agent's end: an exit code alone when it ended well, else the error with its fix. */
export interface AgentEnd {
  readonly exitCode: number;
  readonly error: ClauderonErrorJson | undefined;
}

/** The words for an agent that is not running any more. */
export function agentEnd(state: SessionState, status: AgentProcessStatus, lastLines = ""): AgentEnd {
  const fix = [
    `start it again, conversation resumed: clauderon start ${state.name}`,
    `see its last screen: clauderon logs ${state.name}`,
  ] as const;
  if (status.exit === undefined) {
    const error = new SandboxError({
      code: "sandbox.not-running",
      message: `The agent of session ${state.name} is gone`,
      why: `its ${state.backend} sandbox ended without telling how`,
      fix,
    });
    return { exitCode: -1, error: error.toJSON() };
  }
  const { exitCode, signal } = status.exit;
  if (exitCode === 0) return { exitCode, error: undefined };
  const why = signal === undefined ? `it exited with code ${exitCode}` : `it was ended by ${signal}`;
  const error = new AgentError({
    code: "agent.ended",
    message: `The agent of session ${state.name} ended`,
    why: lastLines === "" ? why : `${why}; the last it said: ${lastLines}`,
    fix,
    context: { exitCode },
  });
  return { exitCode, error: error.toJSON() };
}

/** Why a watch is over when its agent is. */
export const agentEnded: unique symbol = Symbol("the agent has ended");

/** Watches the agents of running sessions and reports each end once. */
export class AgentWatch {
  readonly #watched = new Map<string, AbortController>();
  readonly #onEnd: (id: string, launchId: string, status: AgentProcessStatus) => Promise<void>;
  readonly #logger: Logger;
  readonly #onWatch: ((sandbox: Sandbox, signal: AbortSignal) => Promise<void>) | undefined;

  constructor(options: {
    /** What else is to be seen of the sandbox as long as its agent is watched; never rejects. */
    readonly onWatch?: ((sandbox: Sandbox, signal: AbortSignal) => Promise<void>) | undefined;
    readonly onEnd: (id: string, launchId: string, status: AgentProcessStatus) => Promise<void>;
    readonly logger: Logger;
  }) {
    this.#onEnd = options.onEnd;
    this.#logger = options.logger;
    this.#onWatch = options.onWatch;
  }

  /** Idempotent per launch; another launch replaces the watch. */
  watch(sandbox: Sandbox, launchId: string): void {
    this.unwatch(sandbox.sandboxId);
    const controller = new AbortController();
    this.#watched.set(sandbox.sandboxId, controller);
    void this.#wait(sandbox, launchId, controller);
    void this.#onWatch?.(sandbox, controller.signal);
  }

  unwatch(id: string): void {
    this.#watched.get(id)?.abort();
    this.#watched.delete(id);
  }

  isWatching(id: string): boolean {
    return this.#watched.has(id);
  }

  close(): void {
    for (const id of this.#watched.keys()) this.unwatch(id);
  }

  async #wait(sandbox: Sandbox, launchId: string, controller: AbortController): Promise<void> {
    try {
      const status = await sandbox.agentExit({ signal: controller.signal });
      if (!controller.signal.aborted) await this.#onEnd(sandbox.sandboxId, launchId, status);
    } catch (cause) {
      if (!controller.signal.aborted)
        this.#logger.warn({ session: sandbox.name, cause }, "an agent could not be watched; reconcile looks again");
    } finally {
      controller.abort(agentEnded);
      if (this.#watched.get(sandbox.sandboxId) === controller) this.#watched.delete(sandbox.sandboxId);
    }
  }
}
