import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";

import type { Dispatcher } from "undici";

import type { ExchangeObserver } from "../exchange/exchange-observer.ts";
import type { Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import type { Redactor } from "../redact/create-redactor.ts";
import { redactWebSocket } from "../redact/redact-web-socket.ts";
import type { ClientRequest } from "./client-message.ts";
import type { Exchange } from "./exchange.ts";
import { answerHeaders, headerTable, redactLines } from "./header-filter.ts";
import { valuesOf, type RequestHead } from "./request-head.ts";
import { joinSockets } from "./tunnel.ts";

const keyPattern = /^[A-Za-z0-9+/]{22}==$/u;
const switchingProtocols = 101;

/** Why a request that asks for another protocol is not passed on: only WebSocket is, in the one form that RFC 6455 §4.1 gives it. */
export function upgradeRefusal(request: ClientRequest, head: RequestHead, isUpgrade: boolean): Refusal | undefined {
  if (!isUpgrade) return undefined;
  const isWhole =
    head.upgrade === "websocket" &&
    request.method === "GET" &&
    request.httpVersion === "1.1" &&
    head.contentLength === undefined &&
    !head.hasBody;
  const keys = valuesOf(head, "sec-websocket-key");
  const versions = valuesOf(head, "sec-websocket-version");
  const hasKey = keys.length === 1 && keyPattern.test(keys[0] ?? "");
  if (isWhole && hasKey && versions.length === 1 && versions[0] === "13") return undefined;
  return refuse(400, "upgrade-refused", {
    message: "The request asks for another protocol than WebSocket 13, or in another form",
    fix: "send GET with HTTP/1.1, Upgrade: websocket, Sec-WebSocket-Version: 13, one key, and no body",
  });
}

export interface UpgradeOptions {
  readonly client: Duplex;
  /** What the client sent behind its request: kept until the upstream has agreed. */
  readonly head: Buffer;
  readonly response: ServerResponse;
  readonly idleMs: number;
  /** Takes secrets out of the upstream's frames; as many bytes come out as go in, so that frames stay whole. */
  readonly redactor: Redactor | undefined;
  /** See the bytes behind the 101 both ways. */
  readonly observers: readonly ExchangeObserver[];
  readonly onOpen: () => void;
  readonly onClose: () => void;
}

/** An exchange that becomes a connection when the upstream agrees, and stays an exchange when it does not. */
export class UpgradeExchange implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #options: UpgradeOptions;

  constructor(exchange: Exchange, options: UpgradeOptions) {
    this.#exchange = exchange;
    this.#options = options;
    // The connection carries no further request after a refused upgrade: what follows was meant for another protocol.
    options.response.shouldKeepAlive = false;
    options.response.once("finish", () => options.client.end());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#exchange.onRequestStart(controller);
  }

  // oxlint-disable-next-line max-params -- the signature is undici\'s
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    upstream: Duplex,
  ): void {
    const { client, head, response, idleMs, redactor, observers, onOpen } = this.#options;
    let lines = answerHeaders((controller.rawHeaders ?? []) as readonly (Buffer | string)[]);
    if (redactor !== undefined) lines = redactLines(lines, redactor);
    if (status !== switchingProtocols || client.destroyed) {
      upstream.destroy();
      this.#exchange.fail(new Error("upgrade failed"));
      return;
    }
    this.#exchange.leave(status);
    response.detachSocket(client as Socket);
    let text = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n";
    for (let index = 0; index < lines.length; index += 2) text += `${lines[index]}: ${lines[index + 1]}\r\n`;
    client.write(`${text}\r\n`, "latin1");
    if (head.length > 0) upstream.write(head);
    onOpen();
    const through = redactor === undefined ? undefined : redactWebSocket(redactor);
    for (const observer of observers) observer.onResponseHead({ status, headers: headerTable(lines) });
    if (observers.length > 0) this.#observe(through ?? upstream, head);
    joinSockets(client, upstream as Socket, { idleMs, onClose: () => this.#close(), through });
  }

  #observe(fromUpstream: Readable, head: Buffer): void {
    const { client, observers } = this.#options;
    for (const observer of observers) {
      if (head.length > 0) observer.onRequestBody(head);
      client.on("data", (chunk: Buffer) => observer.onRequestBody(chunk));
      fromUpstream.on("data", (chunk: Buffer) => observer.onResponseBody(chunk));
    }
  }

  #close(): void {
    for (const observer of this.#options.observers) observer.onEnd("complete");
    this.#options.onClose();
  }

  // oxlint-disable-next-line max-params -- the signature is undici\'s
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: unknown,
    statusMessage?: string,
  ): void {
    this.#exchange.onResponseStart(controller, status, headers, statusMessage);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#exchange.onResponseData(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: unknown): void {
    this.#exchange.onResponseEnd(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#exchange.onResponseError(controller, error);
  }
}
