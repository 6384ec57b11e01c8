import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import type { Logger } from "../contract/logger.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { DeleteSessionRequest } from "../contract/session.ts";
import { refuseIgnoredOverLimit } from "./ignored-over-limit.ts";
import type { SandboxWork } from "./sandbox-work.ts";
import { refuseWorkAtRisk } from "./work-at-risk.ts";

/** Of a sandbox that shares no files with this machine, before it goes. What is given up keeps nothing from being deleted. */
export async function takeAllBeforeDeletion(
  state: SessionState,
  deletion: DeleteSessionRequest,
  options: {
    readonly work: SandboxWork;
    readonly logger: Logger;
    readonly keepMs: number;
    readonly ignoredLimitBytes: number;
  },
): Promise<void> {
  const { work, logger, keepMs } = options;
  const limit = { keep: Infinity, drop: undefined } as const;
  const unasked = keepMs > 0 ? options.ignoredLimitBytes : undefined;
  try {
    await work.takeAll(state, {
      ignoredLimitBytes: deletion.ignored === undefined ? unasked : limit[deletion.ignored],
      isForced: deletion.discard === true,
      check: (status) => {
        refuseWorkAtRisk({ state, deletion, status });
        refuseIgnoredOverLimit({ name: state.name, deletion, status });
      },
    });
  } catch (cause) {
    if (deletion.discard !== true || ClauderonError.isInstance(cause, "session.ignored-over-limit")) throw cause;
    logger.warn({ session: state.name, cause }, "what the sandbox alone had is given up");
  }
}
