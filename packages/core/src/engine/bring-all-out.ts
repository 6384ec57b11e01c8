import type { CallOptions } from "../contract/call-options.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { SandboxSync } from "./sandbox-sync.ts";
import type { SandboxWork } from "./sandbox-work.ts";

/** For what is asked of all that a session has done, in its sandbox, too. Rejects with `workspace.sync-failed` where that cannot be had. */
export async function bringAllOut(
  { work, sync }: { readonly work: SandboxWork; readonly sync: SandboxSync },
  state: SessionState,
  call: CallOptions,
): Promise<void> {
  await work.bringOut(state, call);
  await sync.bringAllOut(state);
}
