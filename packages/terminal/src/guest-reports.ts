import type { AgentReports, AgentReportsOptions } from "@clauderon/core/contract";

import type { GuestClient } from "./guest-client.ts";

/** `Sandbox.waitForReports` by a guest: its start is the epoch. */
export async function guestReports(
  client: Pick<GuestClient, "untilReady" | "waitForReports">,
  { after, signal }: AgentReportsOptions = {},
): Promise<AgentReports> {
  const { processId, startedAtMs } = await client.untilReady({ signal });
  const epoch = `${startedAtMs}-${processId}`;
  const since = after?.epoch === epoch ? after.sequence : 0;
  return { epoch, ...(await client.waitForReports({ since, signal })) };
}
