import type { ServerResponse } from "node:http";
import type { Duplex, Readable } from "node:stream";

import { ClauderonError } from "@clauderon/core/contract";

import { parseRequestTarget } from "../policy/canonical-target.ts";
import type { CredentialRule, ProxyRequest, ProxyTarget, Refusal, RequestVerdict } from "../policy/proxy-types.ts";
import { isRefusal, refuse } from "../policy/refusal.ts";
import { plainAnswer, receivePackDenied } from "../push/push-answer.ts";
import { presentedToken, guardedPart, planToken } from "../tokens/presented-token.ts";
import type { ClientRequest, ClientResponse } from "./client-message.ts";
import { planInjection, type InjectionPlan } from "./header-filter.ts";
import { readRequestHead, type RequestHead } from "./request-head.ts";
import type { ProxySession } from "./sessions.ts";
import { standingRefusal, type Decision } from "./standing-refusal.ts";
import { hasTrailers, trailersRefused } from "./trailers.ts";
import type { LocalAnswer, TransportContext } from "./transport-context.ts";
import { upgradeRefusal } from "./upgrade.ts";

/** A request that arrived, by whatever way. */
export interface IncomingExchange {
  readonly session: ProxySession;
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  /** What follows the head. */
  readonly body: Readable;
  /** The same, where all of it came with the head; `body` is then made when it is asked for. */
  readonly wholeBody?: Buffer | undefined;
  /** Whether the body that has ended ended as it should; absent = one that breaks off does not end. */
  readonly isBodyWhole?: (() => boolean) | undefined;
  /** Whether fields followed the body of a stream of HTTP/2, once it has ended. */
  readonly hasTrailers?: (() => boolean) | undefined;
  /** Its head was read to the end. Node's parser may still refuse what it hands over: then nothing may have been answered or sent. */
  readonly isSettled?: boolean | undefined;
  /** Of a stream of HTTP/2, whose head was read with it. */
  readonly http2?: { readonly head: RequestHead | Refusal } | undefined;
  /** What the CONNECT around it named, and what speaks against that tunnel; absent at the proxy's own port. */
  readonly tunnel?: { readonly target: ProxyTarget; readonly refusal?: Refusal | undefined } | undefined;
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer; readonly response: ServerResponse } | undefined;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue?: boolean | undefined;
}

export type ForwardVerdict = Extract<RequestVerdict, { kind: "forward" }>;

/** A request that may go upstream, as long as what was decided holds. */
export interface PreparedRequest extends Decision {
  readonly head: RequestHead;
  readonly verdict: ForwardVerdict;
  readonly plan: InjectionPlan | undefined;
  /** The value that was put in, which the answer must not show. */
  readonly secret: string | undefined;
  readonly secretName: string | undefined;
  /** Collected because it was decided on. */
  readonly body?: Buffer | undefined;
}

/** A request that ends here. */
export interface HaltedRequest {
  /** Absent = it was answered, not refused. */
  readonly refusal: Refusal | undefined;
  /** Sent in place of the refusal's own text. */
  readonly answer?: LocalAnswer | undefined;
  readonly request?: ProxyRequest | undefined;
  readonly ruleId?: string | undefined;
  /** Nothing that follows on the connection is trusted. */
  readonly isFatal?: boolean | undefined;
}

/** Methods that echo a request, credentials included, or mean the proxy itself. */
const refusedMethods: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

type Outcome = PreparedRequest | HaltedRequest;

/** Reads, parses and decides; gets the secret. One policy is read once. Nothing is waited for that is at hand. */
export function prepareRequest(context: TransportContext, incoming: IncomingExchange): Outcome | Promise<Outcome> {
  const head = incoming.http2?.head ?? readRequestHead(incoming.request, context.limits);
  if (isRefusal(head)) return { refusal: head, isFatal: true };
  const request = parse(incoming, head);
  if (isRefusal(request)) return { refusal: request, isFatal: true };
  const { identity } = incoming.session;
  const engine = context.engine();
  const verdict = engine.decideRequest(identity, request);
  if (verdict.kind === "refuse") return { refusal: verdict.refusal, request };
  const halt = { request, ruleId: verdict.rule?.id };
  if (head.hasBody && head.names.includes("trailer")) return { ...halt, refusal: trailersRefused };
  if (verdict.push === "forbidden") return { ...halt, refusal: pushForbidden, answer: forbiddenAnswer(request) };
  const local = context.admit({ identity, request, rule: verdict.rule });
  if (local !== undefined) return { ...halt, answer: local.answer, refusal: local.refusal };
  if (verdict.answerFields !== undefined && verdict.rule?.tokenAnswer?.hosts === undefined)
    return { ...halt, refusal: tokenAnswer };
  const decided: Decided = { incoming, engine, identity, head, request, verdict };
  if (verdict.bodyCheck === undefined) return withSecret(context, decided, undefined);
  return checkedBody(context, incoming, decided).then((body) =>
    isRefusal(body) ? { ...halt, refusal: body } : withSecret(context, decided, body.bytes),
  );
}

interface Decided extends Decision {
  readonly incoming: IncomingExchange;
  readonly head: RequestHead;
  readonly verdict: ForwardVerdict;
}

function withSecret(context: TransportContext, decided: Decided, body: Buffer | undefined): Outcome | Promise<Outcome> {
  const { incoming, request, verdict } = decided;
  const token = presentedToken(incoming.session, request, verdict);
  if (token !== undefined || verdict.secret === undefined)
    return complete(context, decided, { token, body, secret: undefined });
  const halt = { request, ruleId: verdict.rule?.id };
  const finish = (secret: { readonly value: string | undefined } | Refusal): Outcome =>
    isRefusal(secret)
      ? { ...halt, refusal: secret }
      : complete(context, decided, { token, body, secret: secret.value });
  const secret = readSecret(context, verdict);
  return secret instanceof Promise ? secret.then(finish) : finish(secret);
}

interface Collected {
  readonly token: ReturnType<typeof presentedToken>;
  readonly secret: string | undefined;
  readonly body: Buffer | undefined;
}

function complete(context: TransportContext, decided: Decided, { token, secret, body }: Collected): Outcome {
  const { incoming, engine, identity, head, request, verdict } = decided;
  const { rule } = verdict;
  const late = standingRefusal(context, incoming.session, decided) ?? tooManyRequests(context, incoming.session);
  if (late !== undefined) return { request, ruleId: rule?.id, refusal: late };
  if (token !== undefined) {
    const guarded = { plan: planToken(token.token), secret: guardedPart(token.token), secretName: token.secret };
    return { head, engine, identity, request, verdict, ...guarded, body };
  }
  const needsPlan = secret !== undefined || verdict.dropsCredentials === true;
  return {
    head,
    engine,
    identity,
    request,
    verdict,
    plan: rule !== undefined && needsPlan ? knownPlan(rule, secret) : undefined,
    secret,
    secretName: verdict.secret,
    body,
  };
}

interface KnownPlan {
  readonly secret: string | undefined;
  readonly plan: InjectionPlan;
}

/** The last of each rule: secrets change seldom. */
const plans = new WeakMap<CredentialRule, KnownPlan>();

function knownPlan(rule: CredentialRule, secret: string | undefined): InjectionPlan {
  const known = plans.get(rule);
  if (known !== undefined && known.secret === secret) return known.plan;
  const plan = planInjection(rule, secret);
  plans.set(rule, { secret, plan });
  return plan;
}

function parse({ request, tunnel, upgrade }: IncomingExchange, head: RequestHead): ProxyRequest | Refusal {
  if (tunnel?.refusal !== undefined) return tunnel.refusal;
  const method = request.method ?? "";
  if (refusedMethods.has(method))
    return refuse(400, "method-refused", {
      message: `The method ${method} is not passed on`,
      fix: "use GET, HEAD, POST or another method of the host's API",
    });
  const upgradeProblem = upgradeRefusal(request, head, upgrade !== undefined);
  if (upgradeProblem !== undefined) return upgradeProblem;
  return parseRequestTarget({
    method,
    target: request.url ?? "",
    headers: head.headers,
    isUpgrade: upgrade !== undefined,
    tunnel: tunnel?.target,
  });
}

type SecretReading = { readonly value: string | undefined } | Refusal;

function readSecret(
  context: TransportContext,
  { rule, secret: name }: ForwardVerdict,
): SecretReading | Promise<SecretReading> {
  if (name === undefined || rule === undefined) return { value: undefined };
  const unavailable = (error: unknown): Refusal => secretUnavailable(context, name, error);
  try {
    const value = context.readSecret(name);
    return value instanceof Promise
      ? value.then((read) => secretFound(name, read), unavailable)
      : secretFound(name, value);
  } catch (error) {
    return unavailable(error);
  }
}

function secretFound(name: string, value: string | undefined): SecretReading {
  if (value !== undefined) return { value };
  return refuse(403, "secret-missing", {
    message: `The credential "${name}" is not set`,
    fix: `clauderon config credentials set ${name}`,
  });
}

/** The client is told what is wrong with a file of ours. What a program said stays in the log: it may name accounts, and whose vault it is. */
function secretUnavailable({ logger }: TransportContext, name: string, error: unknown): Refusal {
  const known = ClauderonError.isInstance(error) ? error : undefined;
  const { message, why, fix = [] } = known ?? { message: (error as Error).message, why: undefined };
  logger.warn({ secret: name, error: message, why, fix }, "secret could not be read");
  const isOwn = known?.code === "settings.invalid";
  return refuse(503, "secret-unavailable", {
    message: isOwn ? [message, why ?? []].flat().join(": ") : `The credential "${name}" could not be read`,
    fix: (isOwn ? fix[0] : undefined) ?? `clauderon config credentials test ${name}`,
  });
}

/** Reads a body that is decided on as a whole; others are not touched. */
async function checkedBody(
  context: TransportContext,
  { response, body, isBodyWhole, hasTrailers: isMarked, expectsContinue }: IncomingExchange,
  { head, verdict }: { readonly head: RequestHead; readonly verdict: ForwardVerdict },
): Promise<{ readonly bytes: Buffer | undefined } | Refusal> {
  const check = verdict.bodyCheck;
  if (check === undefined) return { bytes: undefined };
  if (head.contentEncoding !== undefined && head.contentEncoding.trim().toLowerCase() !== "identity")
    return refuse(403, "body-unreadable", {
      message: "The request's body is compressed, so it cannot be decided on",
      fix: "send it without Content-Encoding",
    });
  if (expectsContinue === true) response.writeContinue();
  const bytes = await collect(body, check.limitBytes);
  if (bytes === "broken" || isBodyWhole?.() === false)
    return refuse(400, "body-broken", { message: "The request's body broke off", fix: "send it whole" });
  if (hasTrailers(body, isMarked)) return trailersRefused;
  if (bytes === "too-large")
    return refuse(403, "body-too-large", {
      message: `The request's body is larger than the ${check.limitBytes} bytes that can be decided on`,
      fix: "send less at once, or use a session with --access-mode read-write",
    });
  return context.checkBody(check.kind, bytes) ?? { bytes };
}

async function collect(body: Readable, limit: number): Promise<Buffer | "broken" | "too-large"> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // The connection outlives the loop: the refusal goes over it.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return "too-large";
      chunks.push(chunk);
    }
  } catch {
    // The client left; there is nobody to tell more.
    return "broken";
  }
  return Buffer.concat(chunks);
}

function tooManyRequests({ limits }: TransportContext, session: ProxySession): Refusal | undefined {
  if (session.requestCount < limits.requestsPerSession) return undefined;
  return refuse(429, "too-many-requests", {
    message: `The session has ${limits.requestsPerSession} requests in flight`,
    fix: "wait until some of them have ended",
  });
}

const pushForbidden: Refusal = refuse(403, "push-forbidden", {
  message: "clauderon refused this push: the session may push its own branch of its own repository alone",
  fix: "clauderon status NAME tells the branch",
});

/** In the form that git prints. */
function forbiddenAnswer({ path }: ProxyRequest): LocalAnswer {
  if (path.endsWith("/info/refs")) return receivePackDenied(pushForbidden.message);
  return plainAnswer([pushForbidden.message, `fix: ${pushForbidden.fix}`]);
}

const tokenAnswer: Refusal = refuse(403, "token-answer", {
  message: "The answer to this request would hold a new credential",
  fix: "make the credential outside the session and store it with clauderon config credentials set",
});
