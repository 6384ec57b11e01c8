import type { CallOptions } from "../contract/call-options.ts";
import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { SandboxError } from "../contract/errors/sandbox-error.ts";
import { SessionError } from "../contract/errors/session-error.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionState } from "../contract/session-state.ts";
import { refuseArchived } from "./archived-session.ts";
import type { EventLog } from "./event-log.ts";
import type { SandboxCache } from "./sandbox-cache.ts";

export interface Reached {
  readonly state: SessionState;
  readonly sandbox: Sandbox;
}

interface Use<Result> extends CallOptions {
  readonly use: (reached: Reached) => Promise<Result>;
}

/** Does something in a session's sandbox; says what the session is when there is none to do it in. */
export async function inSandbox<Result>(
  { log, sandboxes }: { readonly log: EventLog; readonly sandboxes: SandboxCache },
  id: string,
  { use, signal }: Use<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const state = log.require(id);
  refuseArchived(state);
  if (state.lifecycle === "creating" || state.lifecycle === "deleting") {
    throw new SessionError({
      message: `Session ${state.name} is still ${state.lifecycle}`,
      fix: [`wait for it: clauderon wait ${state.name} --for status=running,failed`],
      context: { session: state.name },
    });
  }
  const sandbox = await sandboxes.require(state, { signal });
  try {
    return await use({ state, sandbox });
  } catch (cause) {
    if (!ClauderonError.isInstance(cause, "sandbox.not-running")) throw cause;
    throw new SandboxError({
      code: "sandbox.not-running",
      message: `Session ${state.name} is ${state.lifecycle}`,
      why: state.error?.message ?? cause.why,
      fix: [`start it: clauderon start ${state.name}`],
      context: { session: state.name },
      cause,
    });
  }
}
