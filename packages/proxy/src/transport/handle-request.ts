import { pipeline } from "node:stream";

import type { ExchangeObserver } from "../exchange/exchange-observer.ts";
import type { Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import { createPushGuard } from "../push/create-push-guard.ts";
import { pushRequestDecoder } from "../push/push-request-decoder.ts";
import type { Redactor } from "../redact/create-redactor.ts";
import { REDACTABLE_ENCODINGS } from "../redact/redact-body.ts";
import { TokenExchange } from "../tokens/token-exchange.ts";
import { AuditTrail, auditRefusal, type TrailFacts } from "./audit-trail.ts";
import { DialError } from "./dial.ts";
import { atEndOfTurn } from "./end-of-turn.ts";
import { Exchange, type ExchangeEnd } from "./exchange.ts";
import { upstreamHeaders, upstreamQuery } from "./header-filter.ts";
import { prepareRequest, type HaltedRequest, type IncomingExchange, type PreparedRequest } from "./prepare-request.ts";
import { answerLocally, answerRefusal } from "./problem-body.ts";
import { RequestBody } from "./request-body.ts";
import type { ProxySession } from "./sessions.ts";
import { hasTrailers, trailersRefused } from "./trailers.ts";
import type { TransportContext } from "./transport-context.ts";
import { breakOff } from "./tunnel.ts";
import { UpgradeExchange } from "./upgrade.ts";
import type { UpstreamRequest } from "./upstream-origin.ts";

/** One request from its head to its last byte: decided on, written down, sent. Nothing goes upstream before the decision is written down. */
export async function handleRequest(context: TransportContext, incoming: IncomingExchange): Promise<void> {
  const { request, response, session, upgrade } = incoming;
  const kind = upgrade === undefined ? "request" : "upgrade";
  const trail = new AuditTrail(context, { kind, method: request.method ?? "", session });
  const preparing = prepareRequest(context, incoming);
  const isAtOnce = incoming.isSettled === true && !(preparing instanceof Promise);
  const prepared = isAtOnce ? preparing : await preparing;
  if ("refusal" in prepared) {
    halt(incoming, prepared, trail);
    return;
  }
  if (response.destroyed) return;
  if (trail.write(factsOf(prepared))) send({ context, incoming, prepared, trail });
  else answerRefusal(response, auditRefusal);
}

function factsOf({ request, verdict, secret, secretName }: PreparedRequest): TrailFacts {
  return {
    request,
    decision: secret === undefined ? "allowed" : "injected",
    ruleId: verdict.rule?.id,
    secret: secret === undefined ? undefined : secretName,
  };
}

function halt(incoming: IncomingExchange, halted: HaltedRequest, trail: AuditTrail): void {
  const { refusal, request, answer, ruleId, isFatal } = halted;
  const target = request?.target ?? incoming.tunnel?.target;
  const decision = refusal === undefined ? "allowed" : "blocked";
  const isWritten = trail.write({ decision, request, refusal, ruleId, target, status: answer?.status });
  if (!isWritten) answerRefusal(incoming.response, auditRefusal);
  else if (answer !== undefined) answerLocally(incoming.response, answer);
  else if (refusal !== undefined)
    answerRefusal(incoming.response, refusal, { target, path: request?.path, isFatal: isFatal === true });
  // After a refused upgrade the bytes that follow belong to another protocol.
  incoming.upgrade?.socket.end();
}

interface Sending {
  readonly context: TransportContext;
  readonly incoming: IncomingExchange;
  readonly prepared: PreparedRequest;
  readonly trail: AuditTrail;
}

function send(sending: Sending): void {
  const { context, incoming, prepared, trail } = sending;
  const { session } = incoming;
  const { head, request, verdict, plan } = prepared;
  const { pool, host } = session.pools.get(request.target, { isHttp2: incoming.http2 !== undefined });
  const exchangeContext = { identity: session.identity, request, rule: verdict.rule };
  const observers = context.observers.flatMap((create) => create(exchangeContext) ?? []);
  const redactor = redactorOf(context, prepared);
  session.requestCount += 1;
  const onEnd = ({ outcome, refusal, status, bytesReceived }: ExchangeEnd): void => {
    session.requestCount -= 1;
    const facts = factsOf(prepared);
    // A push that was refused half way, or an upstream that failed.
    const ended = outcome === "complete" ? "blocked" : "failed";
    const decision = refusal === undefined || outcome === "aborted-by-client" ? facts.decision : ended;
    const bytesSent = body instanceof RequestBody ? body.byteCount : wholeBody?.length;
    trail.write({ ...facts, decision, refusal, status, bytesSent, bytesReceived, isEnd: true });
  };
  const subject = { target: request.target, path: request.path };
  const breakBody = (error: Error): void => {
    if (body instanceof RequestBody) body.destroy(error);
  };
  const wholeBody = wholeBodyOf(sending);
  const exchange = new Exchange({
    response: incoming.response,
    subject,
    wholeBody,
    observers,
    redactor,
    onEnd,
    breakBody: incoming.http2 === undefined ? undefined : breakBody,
  });
  const body = wholeBody ?? streamedBody(prepared, { incoming, exchange, observers });
  if (body === "unreadable") {
    exchange.fail(new DialError(unreadablePush));
    return;
  }
  if (incoming.expectsContinue === true && prepared.body === undefined) incoming.response.writeContinue();
  const query = upstreamQuery(request.query, plan);
  const upstreamRequest: UpstreamRequest = {
    method: request.method,
    path: query === "" ? request.path : `${request.path}?${query}`,
    headers: upstreamHeaders({
      head,
      host,
      plan,
      acceptEncoding:
        redactor === undefined && verdict.answerFields === undefined ? undefined : acceptedEncoding(prepared),
      without: unsuitableNames(sending, redactor),
    }),
    body: body === undefined || (Buffer.isBuffer(body) && body.length === 0) ? null : body,
    upgrade: incoming.upgrade === undefined ? null : "websocket",
    idempotent: false,
  };
  const handler =
    incoming.upgrade === undefined
      ? answerHandler(sending, exchange)
      : upgradeHandler(sending, { exchange, redactor, observers, ...incoming.upgrade });
  context.records.whenWritten({
    proceed: () => {
      try {
        pool.dispatch(upstreamRequest, handler);
        if (wholeBody !== undefined) atEndOfTurn({ endTurn: () => exchange.tellRequest() });
      } catch (error) {
        exchange.fail(error as Error);
      }
    },
    refuse: () => {
      if (body instanceof RequestBody) body.destroy();
      exchange.fail(new DialError(auditRefusal));
    },
  });
}

/** Tokens that the answer hands out stay here. */
function answerHandler({ incoming, prepared }: Sending, exchange: Exchange): Exchange | TokenExchange {
  const { answerFields: fields, rule, secret } = prepared.verdict;
  const hosts = rule?.tokenAnswer?.hosts;
  if (fields === undefined || hosts === undefined) return exchange;
  const { tokens } = incoming.session;
  return new TokenExchange(exchange, { fields, keep: (token, ms) => tokens.keep({ token, secret, hosts }, ms) });
}

/** Lower-case names that do not fit what becomes of the request and its answer. */
function unsuitableNames(
  { incoming, prepared }: Sending,
  redactor: Redactor | undefined,
): readonly string[] | undefined {
  // A push goes upstream decoded, because that is what was read.
  if (prepared.verdict.push !== undefined) return pushNames;
  // Nobody on the way sees into compressed frames.
  if (incoming.upgrade !== undefined) return upgradeNames;
  return redactor === undefined ? undefined : unreadableNames;
}

const pushNames = ["content-encoding", "content-length", "range", "if-range"];
const upgradeNames = ["sec-websocket-extensions"];
/** Two ranges could cut a secret in two; nobody here reads messages that gRPC compresses one by one. */
const unreadableNames = ["range", "if-range", "grpc-accept-encoding"];

const unreadablePush: Refusal = refuse(403, "push-unreadable", {
  message: "The push is compressed in a way that cannot be read",
  fix: "push with git, which sends gzip or nothing",
});

const modelProtocols: ReadonlySet<string | undefined> = new Set(["anthropic", "openai", "gemini"]);

/** Models stream: what is not compressed passes with the least delay. Elsewhere the client's wish holds as far as the answer can be read. */
function acceptedEncoding({ verdict, head }: PreparedRequest): string {
  const isAsked = head.names.includes("accept-encoding") && verdict.answerFields === undefined;
  return isAsked && !modelProtocols.has(verdict.rule?.protocol) ? REDACTABLE_ENCODINGS : "identity";
}

function redactorOf(context: TransportContext, { secret, verdict }: PreparedRequest): Redactor | undefined {
  return secret === undefined ? undefined : context.redactorOf(secret, verdict.rule?.placeholder ?? "");
}

/** A connection that was let in stays while the rules and the budget would let it in again. */
function isStillAdmitted(context: TransportContext, session: ProxySession, { request }: PreparedRequest): boolean {
  const { identity } = session;
  const verdict = context.engine().decideRequest(identity, request);
  return (
    verdict.kind === "forward" && context.admit({ identity, request, rule: verdict.rule, isOpen: true }) === undefined
  );
}

/** A push is looked into as it comes. */
function wholeBodyOf({ incoming, prepared }: Sending): Buffer | undefined {
  const { push } = prepared.verdict;
  return prepared.body ?? (push === undefined || push === "forbidden" ? incoming.wholeBody : undefined);
}

function streamedBody(
  { head, verdict }: Pick<PreparedRequest, "head" | "verdict">,
  {
    incoming,
    exchange,
    observers,
  }: {
    incoming: IncomingExchange;
    exchange: Exchange;
    observers: readonly ExchangeObserver[];
  },
): RequestBody | "unreadable" | undefined {
  if (!head.hasBody) return undefined;
  const { body: source, isBodyWhole: isWhole } = incoming;
  const isRefusedAtEnd = (): boolean => {
    if (!hasTrailers(source, incoming.hasTrailers)) return false;
    exchange.refuse(trailersRefused);
    return true;
  };
  const { push } = verdict;
  if (push === undefined || push === "forbidden") {
    const length = incoming.http2 === undefined ? undefined : head.contentLength;
    return new RequestBody(source, { observers, isWhole, isRefusedAtEnd, length });
  }
  const decoder = pushRequestDecoder(head.contentEncoding);
  if (decoder === undefined) return "unreadable";
  // A body that breaks off ends the decoder with it; the decoder's own end tells the rest.
  if (decoder !== "identity") pipeline(source, decoder, () => undefined);
  return new RequestBody(decoder === "identity" ? source : decoder, {
    observers,
    isWhole,
    isRefusedAtEnd,
    guard: createPushGuard(push),
    onRefused: ({ answer, refusal }) => exchange.replace(answer, refusal),
  });
}

function upgradeHandler(
  { context, incoming, prepared }: Sending,
  {
    exchange,
    redactor,
    observers,
    socket,
    head,
    response,
  }: {
    exchange: Exchange;
    redactor: Redactor | undefined;
    observers: readonly ExchangeObserver[];
  } & NonNullable<IncomingExchange["upgrade"]>,
): UpgradeExchange {
  const { session } = incoming;
  return new UpgradeExchange(exchange, {
    client: socket,
    head,
    response,
    redactor,
    observers,
    idleMs: context.limits.idleTunnelMs,
    onOpen() {
      session.tunnelCount += 1;
      const isStillAllowed = (): boolean => isStillAdmitted(context, session, prepared);
      session.connections.set(socket, isStillAllowed);
      // While the upstream made up its mind the policy or the budget may have changed.
      if (session.isRemoved || !isStillAllowed()) process.nextTick(breakOff, socket);
    },
    onClose() {
      session.tunnelCount -= 1;
    },
  });
}
