import { BackendError } from "../contract/errors/backend-error.ts";
import type { ProxyPort, SessionIdentity } from "./engine.ts";
import { needsProxy } from "./session-access.ts";

/** Throws for what cannot be read, and for what nobody would hold the session to. */
export function checkAccess(
  proxy: ProxyPort | undefined,
  session: Pick<SessionIdentity, "backend" | "isolation" | "hasChannel" | "access">,
): void {
  if (proxy !== undefined) proxy.check(session);
  else if (needsProxy(session.access, session.isolation)) {
    throw new BackendError({
      code: "backend.unavailable",
      message: "There is no proxy here that could hold a session to an access mode, a network or a budget",
      fix: ["give createEngine a proxy", "or use the daemon: clauderon create"],
    });
  }
}
