import { once } from "node:events";
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

import { systemClock } from "@clauderon/core/host";

import { SecureContexts } from "../../certificates/secure-contexts.ts";
import { upstreamAuthority } from "./recording-upstream.fixture.ts";

const contexts = new SecureContexts(upstreamAuthority, { clock: systemClock });

export interface UpstreamCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
}

/** A real HTTP/2 server with TLS; it speaks nothing else. */
export interface Http2Upstream extends AsyncDisposable {
  readonly port: number;
  /** What came, in order. */
  readonly calls: UpstreamCall[];
  connectionCount: number;
  respond: (call: UpstreamCall) => void;
}

export async function startHttp2Upstream(): Promise<Http2Upstream> {
  const sockets = new Set<Socket>();
  const server = createSecureServer({ SNICallback: (asked, done) => done(null, contexts.get(asked)) });
  server.on("secureConnection", (socket: Socket) => {
    upstream.connectionCount += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    const call = { stream, headers };
    upstream.calls.push(call);
    upstream.respond(call);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream: Http2Upstream = {
    port: (server.address() as AddressInfo).port,
    calls: [],
    connectionCount: 0,
    respond: answerHello,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return upstream;
}

export function answerHello({ stream }: UpstreamCall): void {
  stream.respond({ ":status": 200, "content-type": "text/plain" });
  stream.end("hello");
}
