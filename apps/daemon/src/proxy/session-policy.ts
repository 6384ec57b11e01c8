import type { Isolation, SessionAccess } from "@clauderon/core/contract";
import type { PushScope, SessionPolicy } from "@clauderon/proxy/client";

/** What the proxy holds a session to. A listed network leads to the git host of the session's repository, too. */
export function sessionPolicy({
  access,
  isolation,
  push,
}: {
  readonly access: SessionAccess;
  readonly isolation: Isolation;
  readonly push: PushScope | undefined;
}): SessionPolicy {
  const { accessMode, network, allow, deny } = access;
  const isHost = isolation === "none";
  const gitHost = push === undefined || network !== "listed" ? [] : [authorityOf(push)];
  return {
    accessMode,
    network,
    allow: [...new Set([...allow, ...gitHost])],
    deny,
    isIsolated: !isHost,
    // There the session acts as the user, who reaches all of it without the proxy, too.
    isUnconfined: isHost,
    push,
  };
}

function authorityOf({ host, port = 443 }: PushScope): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
