import { DaemonError } from "@clauderon/core/contract";
import { describePortHolder, findPortHolder, portHolderHint, type PortHolder } from "@clauderon/core/host";

/** A port that is taken, without saying by whom: another may do as well, and to find it out takes a while. */
export function portTaken(port: number, cause: unknown): DaemonError {
  return new DaemonError({
    code: "daemon.port-taken",
    message: `The proxy cannot listen on port ${port}`,
    why: describePortHolder(undefined),
    fix: [`end that program, or ${otherPort}`],
    context: { port },
    cause,
  });
}

/** The same, saying by whom. Other errors stay as they are. */
export async function withHolder(error: unknown, port: number): Promise<unknown> {
  if (!DaemonError.isInstance(error, "daemon.port-taken")) return error;
  const holder = await findPortHolder(port);
  const end = endOf(port, holder);
  return new DaemonError({
    code: "daemon.port-taken",
    message: error.message,
    why: describePortHolder(holder),
    fix: end === undefined ? [otherPort] : [end, `or ${otherPort}`],
    context: { port, pid: holder?.processId, program: holder?.program, home: holder?.home },
    cause: error.cause,
  });
}

const otherPort = "choose another port for the proxy";

/** What of another home has the port is not to be ended: each home has a port of its own. */
function endOf(port: number, holder: PortHolder | undefined): string | undefined {
  if (holder?.home !== undefined) return undefined;
  if (holder?.isListening === false) return "try again when that connection has ended";
  const hint = portHolderHint(port, holder);
  if (hint !== undefined) return `find that program and end it: ${hint}`;
  return `end that program: kill ${holder?.processId}`;
}
