import type { Sandbox, WorkspaceRecord } from "@clauderon/core/contract";

import type { WorkspaceTools } from "../workspace-tools.ts";
import { type SyncLimits, syncLimits } from "./fetch-sandbox.ts";
import { inTurn } from "./in-turn.ts";
import { sendStateBack } from "./send-state-back.ts";

/** Before an agent starts in a private workspace: what was gone back to on this machine has to be there before it looks. Says what the user should know. */
export async function goBackFirst(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  call: {
    readonly sandbox: Pick<Sandbox, "exec">;
    readonly limits?: SyncLimits | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly string[]> {
  const limits = call.limits ?? syncLimits;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  return inTurn(record, () => sendStateBack(tools, record, { sandbox: call.sandbox, limits, signal }));
}
