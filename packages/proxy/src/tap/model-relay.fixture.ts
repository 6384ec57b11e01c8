import { once } from "node:events";
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { BudgetDenial } from "../budget/create-budget-keeper.ts";
import type { ExchangeContext, ExchangeObserver } from "../exchange/exchange-observer.ts";
import type { ModelTap } from "./create-model-tap.ts";
import type { ModelVendor } from "./tap-event.ts";

/** Stands between an agent and a model: puts the real key in and lets the tap look. */
export interface ModelRelay extends AsyncDisposable {
  readonly url: string;
}

export interface ModelRelaySettings {
  readonly tap: ModelTap;
  readonly modelUrl: string;
  readonly key: string;
  /** Says no before a request goes on. */
  readonly admit?: (context: ExchangeContext) => BudgetDenial | undefined;
}

const credentials: Readonly<Record<ModelVendor, string>> = {
  anthropic: "x-api-key",
  openai: "authorization",
  gemini: "x-goog-api-key",
};

export async function startModelRelay(settings: ModelRelaySettings): Promise<ModelRelay> {
  const sockets = new Set<Duplex>();
  const server = createServer();
  server.on("request", (incoming, response) => {
    const denied = settings.admit?.(contextOf(incoming, settings));
    if (denied !== undefined) {
      incoming.resume();
      response.writeHead(denied.answer.status, denied.answer.headers).end(denied.answer.body);
      return;
    }
    const { observer, outgoing } = open(incoming, settings);
    incoming.on("data", (chunk: Buffer) => observer?.onRequestBody(chunk)).pipe(outgoing);
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    outgoing.on("response", (answer) => {
      observer?.onResponseHead({ status: answer.statusCode ?? 0, headers: plain(answer.headers) });
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (chunk: Buffer) => observer?.onResponseBody(chunk)).pipe(response);
      answer.on("close", () => observer?.onEnd(answer.complete ? "complete" : "failed-upstream"));
    });
  });
  server.on("upgrade", (incoming: IncomingMessage, client: Duplex, head: Buffer) => {
    const denied = settings.admit?.(contextOf(incoming, settings));
    if (denied !== undefined) {
      client.end(`HTTP/1.1 ${denied.answer.status} No\r\nconnection: close\r\n\r\n${denied.answer.body}`);
      return;
    }
    const { observer, outgoing } = open(incoming, settings);
    sockets.add(client);
    client.on("error", () => outgoing.destroy());
    outgoing.on("upgrade", (answer, upstream, first) => {
      observer?.onResponseHead({ status: 101, headers: plain(answer.headers) });
      const lines = Object.entries(plain(answer.headers)).map(([name, value]) => `${name}: ${value}\r\n`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
      client.unshift(head);
      upstream.unshift(first);
      client.on("data", (chunk: Buffer) => observer?.onRequestBody(chunk)).pipe(upstream);
      upstream.on("data", (chunk: Buffer) => observer?.onResponseBody(chunk)).pipe(client);
      upstream.on("error", () => client.destroy()).on("close", () => observer?.onEnd("complete"));
    });
    outgoing.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

function open(incoming: IncomingMessage, settings: ModelRelaySettings) {
  const { tap, modelUrl, key } = settings;
  const url = new URL(incoming.url ?? "/", modelUrl);
  const vendor = vendorOf(url.pathname);
  const headers: IncomingHttpHeaders = { ...incoming.headers, host: url.host };
  const isBearer = vendor === "openai" || headers["x-api-key"] === undefined;
  const name = vendor === "anthropic" && isBearer ? "authorization" : credentials[vendor];
  headers[name] = name === "authorization" ? `Bearer ${key}` : key;
  delete headers["sec-websocket-extensions"];
  const outgoing = request(url, { method: incoming.method ?? "GET", headers });
  const observer: ExchangeObserver | undefined = tap.createObserver(contextOf(incoming, settings));
  return { observer, outgoing };
}

function contextOf(incoming: IncomingMessage, { modelUrl }: ModelRelaySettings): ExchangeContext {
  const url = new URL(incoming.url ?? "/", modelUrl);
  const vendor = vendorOf(url.pathname);
  const policy = { accessMode: "read-write", network: "open", allow: [], deny: [], isIsolated: true } as const;
  return {
    identity: { sessionId: "id", sessionName: "fix", policy },
    request: {
      target: { scheme: "https", host: url.hostname, port: 443 },
      method: incoming.method ?? "GET",
      path: url.pathname,
      query: url.search.slice(1),
      headers: Object.entries(plain(incoming.headers)).map(([name, value]) => ({ name, value })),
      isUpgrade: incoming.headers.upgrade !== undefined,
    },
    rule: { id: vendor, description: "", host: url.hostname, protocol: vendor },
  };
}

function vendorOf(path: string): ModelVendor {
  if (path.startsWith("/v1beta")) return "gemini";
  return path.startsWith("/v1/messages") ? "anthropic" : "openai";
}

function plain(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
