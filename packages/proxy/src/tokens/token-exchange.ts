import type { Dispatcher } from "undici";

import type { Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { DialError } from "../transport/dial.ts";
import type { Exchange } from "../transport/exchange.ts";
import { answerHeaders, headerTable, rawLines } from "../transport/header-filter.ts";
import { rewriteTokenAnswer, type TokenAnswerPorts } from "./token-answer.ts";

const longestAnswer = 1024 * 1024;

/** What a client needs of the answer's head; a cookie or a redirect of a token service could be a credential itself. */
const keptHeaders: ReadonlySet<string> = new Set([
  "date",
  "docker-distribution-api-version",
  "retry-after",
  "www-authenticate",
  "x-request-id",
]);

/** Takes the answer of a token service as a whole, and hands on one with handles in place of the tokens. */
export class TokenExchange implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #ports: TokenAnswerPorts;
  readonly #chunks: Buffer[] = [];
  #head: { readonly status: number; readonly message: string | undefined; readonly lines: string[] } | undefined;
  #size = 0;

  constructor(exchange: Exchange, ports: TokenAnswerPorts) {
    this.#exchange = exchange;
    this.#ports = ports;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#exchange.onRequestStart(controller);
  }

  // oxlint-disable-next-line max-params -- the signature is undici\'s
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    message?: string,
  ): void {
    if (status < 200) return;
    const all = answerHeaders(rawLines(controller.rawHeaders));
    const encoding = headerTable(all)["content-encoding"]?.trim().toLowerCase() ?? "identity";
    if (encoding !== "identity" || (status >= 300 && status < 400)) throw new DialError(unreadable);
    const lines: string[] = [];
    for (let index = 0; index < all.length; index += 2)
      if (keptHeaders.has((all[index] ?? "").toLowerCase())) lines.push(all[index] ?? "", all[index + 1] ?? "");
    this.#head = { status, message, lines };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > longestAnswer) throw new DialError(unreadable);
    this.#chunks.push(Buffer.from(chunk));
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#head === undefined) return;
    const { status, message, lines } = this.#head;
    const text = Buffer.concat(this.#chunks).toString("utf8");
    const isOk = status < 300;
    const rewritten = rewriteTokenAnswer(text, this.#ports) ?? (isOk ? undefined : saidNothing(status));
    if (rewritten === undefined) {
      this.#exchange.fail(new DialError(unreadable));
      return;
    }
    const body = Buffer.from(rewritten);
    const rawHeaders = [...lines, "content-type", "application/json", "content-length", String(body.length)];
    const head = Object.create(controller, { rawHeaders: { value: rawHeaders } }) as Dispatcher.DispatchController;
    this.#exchange.onResponseStart(head, status, {}, message);
    if (body.length > 0) this.#exchange.onResponseData(controller, body);
    this.#exchange.onResponseEnd(controller, {});
  }

  onResponseError(controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#exchange.onResponseError(controller, error);
  }
}

/** In the form of the registries' own errors. */
function saidNothing(status: number): string {
  return JSON.stringify({ details: `the token service answered with ${status}` });
}

const unreadable: Refusal = refuse(502, "token-answer-unreadable", {
  message: "The token service answered in a form in which its tokens cannot be found",
  fix: "check the account and token_url of the registry under [registries] in proxy.toml",
});
