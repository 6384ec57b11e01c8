import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";

import { Http2Answer } from "./http2-answer.ts";
import { readHttp2Head } from "./http2-head.ts";
import type { ProxyLimits } from "./limits.ts";
import type { IncomingExchange } from "./prepare-request.ts";

/** One request as it arrived on a stream, still without its session. */
export type Http2Incoming = Omit<IncomingExchange, "session" | "tunnel">;

const streamsPerConnection = 100;
const streamWindowBytes = 256 * 1024;
/** Wide enough that uploads which nobody reads yet do not hold up the others. */
const connectionWindowBytes = 16 * 1024 * 1024;
const sessionMegabytes = 32;
const settingsPerFrame = 32;
/** Resets that are taken at once, and per second after that, before the connection is ended (CVE-2023-44487). */
const resetBurst = 500;
const resetsPerSecond = 50;
const controlFramesPerWindow = 500;
const controlWindowMs = 1000;

/** Reads the requests out of a TLS connection on which the client chose HTTP/2. */
export function serveHttp2(
  tls: TLSSocket,
  { limits, onRequest }: { readonly limits: ProxyLimits; readonly onRequest: (incoming: Http2Incoming) => void },
): void {
  // A server of Node's own says so of its connections; until then a session waits.
  Object.assign(tls, { secureConnecting: false });
  const session = performServerHandshake(tls, {
    settings: {
      enablePush: false,
      enableConnectProtocol: false,
      initialWindowSize: streamWindowBytes,
      maxConcurrentStreams: streamsPerConnection,
      maxHeaderListSize: limits.headerBytes,
    },
    // Some more than are allowed, so that the client can be told.
    maxHeaderListPairs: limits.headerCount * 2,
    maxSessionMemory: sessionMegabytes,
    maxSessionRejectedStreams: streamsPerConnection,
    maxSettings: settingsPerFrame,
    streamResetBurst: resetBurst,
    streamResetRate: resetsPerSecond,
  });
  session.setLocalWindowSize(connectionWindowBytes);
  // Told by the connection's close.
  session.on("error", ignore);
  limitControlFrames(session);
  limitIdleTime(session, limits);
  // oxlint-disable-next-line max-params -- the signature is Node\'s
  const onStream = (stream: ServerHttp2Stream, headers: object, _flags: number, rawHeaders: string[]): void => {
    // Told by the stream's close.
    stream.on("error", ignore);
    // A client that resets a stream is gone at once, also when some of its body was not read yet.
    stream.once("aborted", () => setImmediate(() => stream.destroy()));
    const hasBody = !stream.endAfterHeaders;
    let hasTrailers = false;
    stream.once("trailers", () => {
      hasTrailers = true;
    });
    const { request, head } = readHttp2Head(rawHeaders, { limits, hasBody });
    onRequest({
      request,
      response: new Http2Answer(stream, request.method ?? ""),
      body: stream,
      // A reset ends the stream's bytes, too.
      isBodyWhole: () => !stream.closed,
      hasTrailers: () => hasTrailers,
      http2: { head },
      expectsContinue: "expect" in headers && String(headers.expect).toLowerCase() === "100-continue",
    });
  };
  session.on("stream", onStream);
}

/** Pings and settings ask for an answer and cost the client nothing; more than any client needs end the connection. */
function limitControlFrames(session: ServerHttp2Session): void {
  let count = 0;
  let since = performance.now();
  const onFrame = (): void => {
    const now = performance.now();
    if (now - since > controlWindowMs) {
      since = now;
      count = 0;
    }
    count += 1;
    if (count > controlFramesPerWindow) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on("ping", onFrame);
  session.on("remoteSettings", onFrame);
}

/** Between requests a connection lives shorter than with one. */
function limitIdleTime(session: ServerHttp2Session, { idleConnectionMs, idleTunnelMs }: ProxyLimits): void {
  let open = 0;
  session.setTimeout(idleConnectionMs, () => {
    if (open === 0) session.close();
    else session.destroy(undefined, constants.NGHTTP2_CANCEL);
  });
  session.on("stream", (stream) => {
    open += 1;
    session.setTimeout(idleTunnelMs);
    stream.once("close", () => {
      open -= 1;
      if (open === 0 && !session.destroyed) session.setTimeout(idleConnectionMs);
    });
  });
}

function ignore(): void {
  // See serveHttp2.
}
