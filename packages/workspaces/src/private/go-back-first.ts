import { setTimeout as pause } from "node:timers/promises";

import type { Sandbox, WorkspaceRecord } from "@clauderon/core/contract";

import { readHead } from "../read-head.ts";
import { whyOf } from "../why-of.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { type SyncLimits, syncLimits } from "./fetch-sandbox.ts";
import { inTurn } from "./in-turn.ts";
import { gitInside, privatePlaces } from "./private-places.ts";
import { execInside } from "./sandbox-state.ts";
import { sendStateBack } from "./send-state-back.ts";

/** So long is waited for a git inside that holds a lock. */
const PAUSES_MS = [500, 1500, 3000];

/**
 * Before an agent starts in a private workspace: what was gone back to on this machine has to be there before it looks. Says what the user should know. A lock
 * that stays is one of a git that was ended with the agent before, and goes: until it starts nobody inside could remove it.
 */
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
  const { sandbox } = call;
  return inTurn(record, async () => {
    for (const ms of PAUSES_MS) {
      try {
        return await sendStateBack(tools, record, { sandbox, limits, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!isLocked(error)) throw error;
        await pause(ms, undefined, { signal });
      }
    }
    await removeLocks(tools, record, { sandbox, signal });
    return sendStateBack(tools, record, { sandbox, limits, signal });
  });
}

function isLocked(error: unknown): boolean {
  return /\.lock': File exists|remove the file manually to continue/u.test(whyOf(error));
}

async function removeLocks(
  tools: WorkspaceTools,
  record: WorkspaceRecord,
  { sandbox, signal }: { readonly sandbox: Pick<Sandbox, "exec">; readonly signal: AbortSignal },
): Promise<void> {
  const { directory } = gitInside(record);
  const { ref } = await readHead(tools, privatePlaces(record).outside, signal);
  const names = ["index", "HEAD", "packed-refs", ...(ref === undefined ? [] : [ref])];
  const locks = names.map((name) => `${directory}/${name}.lock`);
  // One that cannot be removed is told by what it keeps from being done.
  await execInside(sandbox, { argv: ["rm", "-f", "--", ...locks], accepts: [0, 1], signal });
}
