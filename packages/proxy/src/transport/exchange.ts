import type { Dispatcher } from "undici";

import type { ExchangeObserver } from "../exchange/exchange-observer.ts";
import type { Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import type { Redactor } from "../redact/create-redactor.ts";
import { plainBody, redactedBody, type AnswerBody, type AnswerSink } from "./answer-body.ts";
import type { ClientResponse } from "./client-message.ts";
import { DialError } from "./dial.ts";
import { atEndOfTurn, type TurnTask } from "./end-of-turn.ts";
import { answerHeaders, headerTable, headerValue, rawLines, redactLines, withoutNames } from "./header-filter.ts";
import { answerLocally, answerRefusal, refusedAnswer, type RefusedSubject } from "./problem-body.ts";
import { isTrailerName } from "./trailers.ts";
import type { LocalAnswer } from "./transport-context.ts";
import { breakOff } from "./tunnel.ts";

type Outcome = Parameters<ExchangeObserver["onEnd"]>[0];

/** How an exchange ended, for the record. */
export interface ExchangeEnd {
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly refusal?: Refusal | undefined;
  /** Of the answer's body, as the client got them. */
  readonly bytesReceived: number;
}

export interface ExchangeOptions {
  readonly response: ClientResponse;
  readonly subject: RefusedSubject;
  readonly observers: readonly ExchangeObserver[];
  /** The request's, where all of it is here. */
  readonly wholeBody?: Buffer | undefined;
  /** Takes secrets out of the answer. */
  readonly redactor: Redactor | undefined;
  readonly onEnd: (end: ExchangeEnd) => void;
  /** Ends what is still on its way up so that the upstream does not take it for whole; set where an abort alone would not do that (HTTP/2). */
  readonly breakBody?: ((error: Error) => void) | undefined;
}

/** What no longer holds for a body that was decoded on its way. */
const encodedNames = ["content-encoding", "content-length", "etag", "content-md5", "digest"];
/** Redactors look for nothing shorter. */
const shortestSecret = 6;
/** A `Link` of early hints that Node takes, read in one way alone: Node's own pattern needs 2^n steps for n parameters and no end. */
const linkPattern = /^<[^>]*>(?:[\t ]*;[\t ]*[^;="\s]+(?:=(?:"[^";\s]*"|[^;"\s]*))?)*$/;
const reasonPattern = /^[\t -~\u0080-\u00ff]*$/u;

/**
 * The answer on its way to the client, chunk by chunk as it comes. The client's end is watched from the start, before the request is sent: an exchange whose client
 * has gone is cancelled as soon as there is something to cancel.
 */
export class Exchange implements Dispatcher.DispatchHandler, AnswerSink, TurnTask {
  readonly #response: ClientResponse;
  readonly #options: ExchangeOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #body: AnswerBody | undefined;
  #isGone: boolean;
  #isOver = false;
  /** All of it has come. */
  #isWhole = false;
  /** The head is not on its way yet, nor is the chunk that came with it. */
  #isHeld = false;
  #held: Uint8Array | undefined;
  #hasLeft = false;
  #status: number | undefined;
  #bytesReceived = 0;
  #untold: Buffer | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#untold = options.wholeBody;
    this.#response = options.response;
    this.#response.on("close", this.#onClose);
    this.#response.on("drain", this.#onDrain);
    this.#isGone = this.#response.destroyed;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Thrown, not aborted: the connection that was about to be used stays usable.
    if (this.#isGone || this.#isOver) throw new Error("the client has gone");
  }

  // oxlint-disable-next-line max-params -- the signature is undici\'s
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusMessage = "",
  ): void {
    const { redactor, observers } = this.#options;
    let lines = answerHeaders(rawLines(controller.rawHeaders));
    if (redactor !== undefined) lines = redactLines(lines, redactor);
    if (status < 200) {
      this.#inform(status, lines);
      return;
    }
    this.#status = status;
    // Some clients would read that many bytes of what comes next (RFC 9110 §8.6).
    if (status === 204) lines = withoutNames(lines, ["content-length"]);
    lines = this.#startBody(lines);
    if (observers.length > 0) {
      this.tellRequest();
      const head = { status, headers: headerTable(lines) };
      for (const observer of observers) observer.onResponseHead(head);
    }
    const reason =
      redactor === undefined || statusMessage.length < shortestSecret
        ? statusMessage
        : redactor.redactText(statusMessage);
    const response = this.#response;
    response.sendDate = false;
    if (reasonPattern.test(reason)) response.writeHead(status, reason, lines);
    else response.writeHead(status, lines);
    this.#isHeld = true;
    atEndOfTurn(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.write(chunk) === false) controller.pause();
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: unknown): void {
    this.#addTrailers(trailers);
    this.#body?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(error);
  }

  /** To the client; called in order by the body. */
  write(chunk: Uint8Array): boolean {
    this.#bytesReceived += chunk.length;
    if (this.#isHeld && this.#held === undefined) {
      this.#held = chunk;
      return true;
    }
    this.endTurn();
    const wantsMore = this.#response.write(chunk);
    this.#observe(chunk);
    return wantsMore;
  }

  end(): void {
    if (this.#isOver || this.#isWhole) return;
    this.#isWhole = true;
    if (!this.#isHeld) this.#complete(undefined);
  }

  /**
   * A head that came together with its body, or the beginning of it, goes out with it; one that came alone does not wait for the body. Observers and the record get
   * theirs when the client has its own.
   */
  endTurn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const held = this.#held;
    this.#held = undefined;
    if (this.#isWhole) {
      this.#complete(held);
      return;
    }
    if (!this.#response.destroyed) {
      if (held === undefined) this.#response.flushHeaders();
      else this.#response.write(held);
    }
    if (held !== undefined) this.#observe(held);
  }

  /** What the request was; told once it has left, at the latest before anything else is told. */
  tellRequest(): void {
    const body = this.#untold;
    if (body === undefined) return;
    this.#untold = undefined;
    for (const observer of this.#options.observers) observer.onRequestBody(body);
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** The exchange cannot be completed: the client is told so, or sees its answer break off. */
  fail(error: Error): void {
    if (this.#isOver || this.#isWhole) return;
    const wasHeld = this.#isHeld;
    this.endTurn();
    const refusal = refusalOf(error);
    this.#finish(this.#isGone ? "aborted-by-client" : "failed-upstream", refusal);
    this.#abort(error);
    this.#body?.destroy();
    if (this.#isGone) return;
    // What came is not lost with what did not: it leaves before the connection is broken off.
    if (wasHeld) setImmediate(() => this.#breakOff());
    else if (this.#response.headersSent) this.#breakOff();
    else answerRefusal(this.#response, refusal, this.#options.subject);
  }

  /** Ends the exchange from here: the upstream is cancelled, the client gets this answer. */
  replace(answer: LocalAnswer, refusal: Refusal): void {
    if (this.#isOver || this.#isWhole) return;
    this.endTurn();
    this.#finish("complete", refusal);
    this.#abort(new Error(refusal.code));
    if (this.#response.headersSent) this.#breakOff();
    else answerLocally(this.#response, answer);
  }

  /** The same with the refusal's own text. */
  refuse(refusal: Refusal): void {
    this.replace(refusedAnswer(refusal, this.#options.subject), refusal);
  }

  /** The exchange has become a connection of its own, which its observers go on watching. */
  leave(status: number): void {
    this.#status = status;
    this.#hasLeft = true;
    this.#finish("complete");
  }

  #startBody(lines: string[]): string[] {
    const { redactor } = this.#options;
    if (redactor === undefined) {
      this.#body = plainBody(this);
      return lines;
    }
    this.#body = redactedBody(redactor, headerValue(lines, "content-encoding"), this);
    // Messages of gRPC are compressed one by one.
    if (this.#body === undefined || (headerValue(lines, "grpc-encoding") ?? "identity") !== "identity")
      throw new DialError(unreadableAnswer);
    return this.#body.isDecoded ? withoutNames(lines, encodedNames) : lines;
  }

  #inform(status: number, lines: readonly string[]): void {
    const { httpVersionMajor, httpVersionMinor } = this.#response.req;
    if (status !== 103 || (httpVersionMajor === 1 && httpVersionMinor === 0)) return;
    const { link, ...others } = headerTable(withoutNames(lines, ["content-length"]));
    if (link === undefined || ![link].flat().every((value) => linkPattern.test(value))) return;
    try {
      this.#response.writeEarlyHints({ link, ...others });
    } catch {
      // A hint that Node takes for malformed is left out: it is only a hint.
    }
  }

  #addTrailers(trailers: unknown): void {
    const given = Object.entries((trailers ?? {}) as Record<string, string | string[]>);
    const entries = given.filter(([name]) => isTrailerName(name));
    if (entries.length === 0) return;
    const { redactor } = this.#options;
    const pairs = entries.flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).map((value): [string, string] => [
        name,
        redactor === undefined ? value : redactor.redactText(value),
      ]),
    );
    this.#response.addTrailers(pairs);
  }

  #complete(last: Uint8Array | undefined): void {
    try {
      if (!this.#response.destroyed) this.#response.end(last);
    } finally {
      if (last !== undefined) this.#observe(last);
      this.#finish("complete");
    }
  }

  #observe(chunk: Uint8Array): void {
    if (this.#isOver) return;
    for (const observer of this.#options.observers) observer.onResponseBody(chunk);
  }

  #abort(error: Error): void {
    this.#options.breakBody?.(error);
    this.#controller?.abort(error);
  }

  #finish(outcome: Outcome, refusal?: Refusal): void {
    this.#isOver = true;
    this.tellRequest();
    if (!this.#hasLeft) for (const observer of this.#options.observers) observer.onEnd(outcome);
    this.#options.onEnd({ outcome, status: this.#status, refusal, bytesReceived: this.#bytesReceived });
  }

  /** Never a clean end: the client must see that something is missing. */
  #breakOff(): void {
    const { socket } = this.#response;
    if (socket !== null) breakOff(socket);
    this.#response.destroy();
  }

  readonly #onClose = (): void => {
    if (this.#isOver || this.#isWhole) return;
    this.#isGone = true;
    // Not sent yet: onRequestStart ends it.
    if (this.#controller !== undefined) this.fail(new Error("the client has gone"));
  };

  readonly #onDrain = (): void => {
    this.#body?.resume();
  };
}

const unreadableAnswer: Refusal = refuse(502, "answer-unreadable", {
  message: "The upstream answered in a content encoding that cannot be searched for the credential",
  fix: "ask the upstream for gzip, br, zstd or no encoding",
});

/** What the client is told of an upstream that failed. The error's own text may hold what was sent: only its code goes out. */
function refusalOf(error: Error & { readonly code?: unknown }): Refusal {
  if (error instanceof DialError) return error.refusal;
  const code = typeof error.code === "string" ? error.code : "unknown";
  if (code === "ANSWER_SLOW" || code === "UND_ERR_HEADERS_TIMEOUT")
    return refuse(504, "upstream-slow", {
      message: "The upstream did not answer in time",
      fix: "try again later; the upstream is up but slow",
    });
  return refuse(502, "upstream-failed", {
    message: `The upstream broke the exchange off (${code})`,
    fix: "try again if the request may be sent twice; the proxy never does that itself",
  });
}
