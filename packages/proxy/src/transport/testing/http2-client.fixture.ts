import { once } from "node:events";
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";

import { tlsThrough, type TestProxy, type TunnelRequest } from "./test-proxy.fixture.ts";

/** Node's own HTTP/2 client behind the proxy. */
export async function http2Through(
  test: Pick<TestProxy, "port" | "authorization" | "ca">,
  options: TunnelRequest & { readonly servername?: string; readonly isUnverified?: boolean },
): Promise<ClientHttp2Session> {
  const tls = await tlsThrough(test, { ...options, protocols: ["h2", "http/1.1"] });
  if (tls.alpnProtocol !== "h2") throw new Error(`no HTTP/2 but ${String(tls.alpnProtocol)}`);
  const session = connect(`https://${options.target}`, { createConnection: () => tls });
  session.on("error", () => undefined);
  await once(session, "connect");
  // One stream that is not read does not use up what the others may receive.
  session.setLocalWindowSize(16 * 1024 * 1024);
  return session;
}

export interface Http2Reply {
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | undefined;
  /** What the stream was reset with; 0 = it ended as it should. */
  readonly resetCode: number;
}

/** Sends a request and reads its answer to the end, whole or not. */
export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Http2Reply> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return readReply(stream);
}

export async function readReply(stream: ClientHttp2Stream): Promise<Http2Reply> {
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  let body = "";
  stream.on("response", (received) => {
    head = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (chunk: Buffer) => {
    body += chunk.toString("latin1");
  });
  stream.on("error", () => undefined);
  stream.resume();
  if (!stream.destroyed) await new Promise((fulfil) => stream.once("close", fulfil));
  return { headers: head, status: Number(head[":status"] ?? 0), body, trailers, resetCode: stream.rstCode ?? 0 };
}
