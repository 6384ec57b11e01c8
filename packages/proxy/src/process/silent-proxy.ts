import { DaemonError } from "@clauderon/core/contract";
import { findPortHolder } from "@clauderon/core/host";

import { proxyProcessPaths } from "./proxy-process-paths.ts";
import { readProxyState } from "./proxy-state.ts";

/** A process that is there and says nothing: it was stopped, or something in it never ends. */
export class SilentProxyError extends DaemonError {}

/** The same with the process, where it can be told which it is. */
export async function silentProxy(home: string, waitedMs: number): Promise<SilentProxyError> {
  const paths = proxyProcessPaths(home);
  const { port } = await readProxyState(paths.state).catch((): { readonly port?: number } => ({}));
  const holder = port === undefined ? undefined : await findPortHolder(port);
  const processId = holder?.home === home ? holder.processId : undefined;
  const end = "end it, and the daemon starts another: kill -9";
  return new SilentProxyError({
    message: "The proxy does not answer",
    why: `its process${processId === undefined ? "" : ` ${processId}`} answered nothing within ${waitedMs / 1000} s`,
    fix: [processId === undefined ? `${end} its process (clauderon-proxy)` : `${end} ${processId}`, `see ${paths.log}`],
    context: { processId },
  });
}
