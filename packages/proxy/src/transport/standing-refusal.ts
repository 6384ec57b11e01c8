import { isDeepStrictEqual } from "node:util";

import type { PolicyEngine, ProxyIdentity, ProxyRequest, Refusal, RequestVerdict } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import type { ProxySession } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";

/** What a request was decided on with, and what was decided. */
export interface Decision {
  readonly engine: PolicyEngine;
  readonly identity: ProxyIdentity;
  readonly request: ProxyRequest;
  readonly verdict: RequestVerdict;
}

/** Why a decision that was made before something was waited for does not hold any more; `undefined` = it holds. */
export function standingRefusal(
  context: TransportContext,
  session: ProxySession,
  { engine, identity, request, verdict }: Decision,
): Refusal | undefined {
  if (session.isRemoved) return sessionEnded;
  const current = context.engine();
  if (current === engine && session.identity === identity) return undefined;
  const now = current.decideRequest(session.identity, request);
  if (now.kind === "refuse") return now.refusal;
  return isDeepStrictEqual(now, verdict) ? undefined : decisionChanged;
}

const sessionEnded: Refusal = refuse(403, "session-ended", {
  message: "The session has ended",
  fix: "clauderon list",
});

/** What was prepared was prepared for another decision: another credential, another look into the body. */
const decisionChanged: Refusal = refuse(503, "decision-changed", {
  message: "The session's rules changed while the request was on its way",
  fix: "send it again; nothing of it was sent",
});
