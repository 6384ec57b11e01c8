import type { ServerOptions } from "node:http";
import type { Duplex } from "node:stream";

import type { ProxyTarget, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { AuditTrail } from "./audit-trail.ts";
import type { ProxyLimits } from "./limits.ts";
import { endWithRefusal } from "./problem-body.ts";
import type { ProxySession } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";

const checkEveryMs = 2000;

/** How both servers read requests: strictly, and not for ever. A body may take as long as it moves. */
export function createServerOptions(limits: ProxyLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headMs,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(checkEveryMs, limits.headMs),
    insecureHTTPParser: false,
    // Told with the other faults of a head, in a body that says why.
    requireHostHeader: false,
    noDelay: true,
    keepAlive: true,
  };
}

export interface ClientErrorFacts {
  readonly error: Error & { readonly code?: string; readonly rawPacket?: Buffer };
  readonly session?: ProxySession | undefined;
  readonly target?: ProxyTarget | undefined;
}

/** A request that the parser refused: answered where the client can still read, written down, and the connection closed. */
export function answerClientError(context: TransportContext, socket: Duplex, facts: ClientErrorFacts): void {
  const { error, session, target } = facts;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(error);
  new AuditTrail(context, { kind: "request", method: "", session }).write({ decision: "blocked", target, refusal });
  endWithRefusal(socket, refusal, { target });
}

const tlsHandshakeByte = 0x16;

function refusalOf({ code, rawPacket }: ClientErrorFacts["error"]): Refusal {
  if (code === "HPE_HEADER_OVERFLOW")
    return refuse(431, "head-too-large", {
      message: "The request's head is too large",
      fix: "send fewer or shorter headers",
    });
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return refuse(408, "head-too-slow", { message: "The request's head did not come in time", fix: "send it again" });
  if (rawPacket?.[0] === tlsHandshakeByte)
    return refuse(400, "tls-to-proxy", {
      message: "The client spoke TLS to the proxy's port, which speaks HTTP",
      fix: "write the proxy's URL with http://, also for https targets",
    });
  return refuse(400, "request-malformed", {
    message: `The request is not HTTP/1.1 as the proxy reads it (${code ?? "unknown"})`,
    fix: "send the request as RFC 9112 writes it",
  });
}
