import { accessVerdict } from "../access/access-verdict.ts";
import { apiPath, compileRoutes } from "../access/compile-routes.ts";
import { readOnlyVerdict } from "../access/read-only.ts";
import { tokenRoutes } from "../access/token-routes.ts";
import { formatAuthority } from "./canonical-host.ts";
import { chooseRule } from "./choose-rule.ts";
import { createNetworkPolicy, type NetworkLists, type NetworkPolicy, type NetworkReason } from "./network-policy.ts";
import { createPlaceholderSearch, tokenHandlePrefix } from "./placeholder-search.ts";
import type {
  ConnectVerdict,
  CredentialRule,
  LocalAnswer,
  PolicyEngine,
  ProxyIdentity,
  ProxyRequest,
  ProxyTarget,
  Refusal,
  RequestVerdict,
  RuleProtocol,
  SessionPolicy,
} from "./proxy-types.ts";
import { isRefusal, refuse, type RefusalText } from "./refusal.ts";
import { createRuleTable, matchesRequest, type CompiledRule, type RuleTable } from "./rule-table.ts";

/** What {@link createPolicyEngine} decides with. */
export interface PolicyEngineSettings {
  /** In order of preference: the user's before those shipped. */
  readonly rules: readonly CredentialRule[];
  readonly secrets: { has(name: string): boolean };
  /** The user's lists for every session. */
  readonly lists?: NetworkLists | undefined;
  /** Whether the caller replaces credentials in answers (`answerFields`). Without it the routes that hand them out are refused. Default false. */
  readonly canReplaceAnswers?: boolean | undefined;
  /** Whether the caller keeps the tokens of a `tokenAnswer` with `hosts` and gives the session handles for them, as `createProxy` does. Default false. */
  readonly canExchangeTokens?: boolean | undefined;
  /** Answers that stand in for those of a rule's token routes, by the rule's id: a login inside a sandbox is renewed with the placeholders it has already. */
  readonly localAnswer?: ((ruleId: string) => LocalAnswer | undefined) | undefined;
  /** Hosts whose requests go somewhere else: they are always looked into. */
  readonly diverted?: ReadonlySet<string> | undefined;
}

/** The engine of the proxy, with what `explain` asks of it. */
export interface ExplainablePolicyEngine extends PolicyEngine {
  /** Why the host is reached, or why not. */
  networkReason(identity: ProxyIdentity, target: ProxyTarget): NetworkReason | Refusal;
  /** The rules of a host and port, whatever the path. */
  rulesFor(target: ProxyTarget): readonly CredentialRule[];
}

/** Makes the one function that decides on CONNECT, plain and intercepted requests, and upgrades. Rules do not change: a new state is a new engine. */
export function createPolicyEngine(settings: PolicyEngineSettings): ExplainablePolicyEngine {
  const table = createRuleTable(settings.rules);
  const context: Context = {
    table,
    placeholders: createPlaceholderSearch(settings.rules),
    hasSecret: (name) => settings.secrets.has(name),
    canReplaceAnswers: settings.canReplaceAnswers ?? false,
    canExchangeTokens: settings.canExchangeTokens ?? settings.canReplaceAnswers ?? false,
    localAnswer: settings.localAnswer ?? ((): undefined => undefined),
    diverted: settings.diverted ?? new Set(),
    network: networkPolicies(table, settings.lists ?? { allow: [], deny: [] }),
  };
  return {
    decideConnect: (identity, target) => decideConnect(context, identity, target),
    decideRequest: (identity, request) => decideRequest(context, identity, request),
    addressRules: (identity) => context.network(identity?.policy ?? anonymousPolicy).addressRules,
    networkReason: (identity, target) => reach(context, identity, target),
    rulesFor: (target) => table.forAuthority(target.host, target.port).map(({ rule }) => rule),
  };
}

interface Context {
  readonly table: RuleTable;
  readonly placeholders: ReturnType<typeof createPlaceholderSearch>;
  readonly canReplaceAnswers: boolean;
  readonly canExchangeTokens: boolean;
  readonly localAnswer: (ruleId: string) => LocalAnswer | undefined;
  readonly hasSecret: (name: string) => boolean;
  readonly diverted: ReadonlySet<string>;
  network(policy: SessionPolicy): NetworkPolicy;
}

const anonymousPolicy: SessionPolicy = {
  accessMode: "read-only",
  network: "listed",
  allow: [],
  deny: [],
  isIsolated: true,
};
function networkPolicies(table: RuleTable, lists: NetworkLists): (policy: SessionPolicy) => NetworkPolicy {
  const cache = new WeakMap<SessionPolicy, NetworkPolicy>();
  const ruleAddresses = table.rules
    .filter(({ pattern }) => pattern.address !== undefined)
    .map(({ rule, port }) => formatAuthority({ host: rule.host, port }));
  const all = { ...lists, allow: [...lists.allow, ...ruleAddresses] };
  return (policy) => {
    const known = cache.get(policy);
    if (known !== undefined) return known;
    const network = createNetworkPolicy(policy, all);
    cache.set(policy, network);
    return network;
  };
}

function reach(context: Context, identity: ProxyIdentity, target: ProxyTarget): NetworkReason | Refusal {
  const [first] = target.scheme === "http" ? [] : context.table.forAuthority(target.host, target.port);
  return context.network(identity.policy).decide(target, first?.rule.id);
}

function decideConnect(context: Context, identity: ProxyIdentity | undefined, target: ProxyTarget): ConnectVerdict {
  const [first] = context.table.forAuthority(target.host, target.port);
  if (identity === undefined) return anonymousVerdict(context, target, first);
  const reason = reach(context, identity, target);
  if (isRefusal(reason)) return { kind: "refuse", refusal: reason };
  if (first !== undefined) {
    const kind = isLeftAlone(context, identity.policy, target) ? "tunnel" : "intercept";
    return { kind, ruleId: first.rule.id };
  }
  // In a tunnel nobody could lead its requests to the gateway that the user named for it.
  const isDiverted = target.port === 443 && context.diverted.has(target.host);
  if (isDiverted || isPushHost(identity.policy, target)) return { kind: "intercept" };
  if (identity.policy.accessMode === "read-write") return { kind: "tunnel" };
  if (target.port !== 80) return { kind: "intercept" };
  return {
    kind: "refuse",
    refusal: refuse(403, "read-only", {
      message: "The session is read-only, and a tunnel to port 80 cannot be looked into",
      fix: "send plain http:// requests to the proxy itself, without CONNECT",
    }),
  };
}

/**
 * On the user's own machine some programs know no certificate but the system's. Where nothing would be put in they keep their own way to the host; models are
 * looked into for what they use.
 */
function isLeftAlone(context: Context, policy: SessionPolicy, target: ProxyTarget): boolean {
  if (policy.isUnconfined !== true || policy.accessMode !== "read-write" || isPushHost(policy, target)) return false;
  if (context.diverted.has(target.host)) return false;
  return context.table
    .forAuthority(target.host, target.port)
    .every(({ rule }) => !modelProtocols.has(rule.protocol) && isIdle(rule, context.hasSecret));
}

const modelProtocols: ReadonlySet<RuleProtocol> = new Set(["anthropic", "openai", "gemini"]);

function isIdle({ secret, anonymous }: CredentialRule, hasSecret: (name: string) => boolean): boolean {
  return secret === undefined ? anonymous === "reads" : !hasSecret(secret);
}

/** The host of the session's own repository is looked into also where no rule names it: its pushes are scoped. */
function isPushHost(policy: SessionPolicy, target: ProxyTarget): boolean {
  return policy.push?.host === target.host && (policy.push.port ?? 443) === target.port;
}

/** Nobody said who they are: a blind tunnel to hosts that have a rule, nothing injected. */
function anonymousVerdict(context: Context, target: ProxyTarget, first: CompiledRule | undefined): ConnectVerdict {
  const reason = context.network(anonymousPolicy).decide(target, first?.rule.id);
  if (first !== undefined && !isRefusal(reason)) return { kind: "tunnel", ruleId: first.rule.id };
  return {
    kind: "refuse",
    refusal: refuse(407, "identity-missing", {
      message: "The proxy does not know which session asks",
      fix: "use the proxy address of the session, with its token: echo $HTTPS_PROXY inside the session",
    }),
  };
}

function decideRequest(context: Context, identity: ProxyIdentity, request: ProxyRequest): RequestVerdict {
  const reason = reach(context, identity, request.target);
  if (isRefusal(reason)) return { kind: "refuse", refusal: reason };
  if (request.method === "TRACE" || request.method === "TRACK")
    return forbid("method-refused", { message: `${request.method} would echo credentials`, fix: "use GET" });
  const { scheme, host, port } = request.target;
  const hostRules = scheme === "https" ? context.table.forAuthority(host, port) : [];
  const placeholders = context.placeholders.inRequest(request);
  const isOwn = (placeholder: string): boolean =>
    hostRules.some(({ rule }) => ownPlaceholders(rule).includes(placeholder));
  if (placeholders.size > 0 && ![...placeholders].every(isOwn)) {
    const where = formatAuthority({ host, port }, scheme === "http" ? 80 : 443);
    return forbid("placeholder-misplaced", {
      message: `A placeholder was sent to ${scheme}://${where}, where no rule replaces it`,
      fix: "send it to the host that it was made for: clauderon proxy rules",
    });
  }
  const candidates = hostRules.filter((entry) => matchesRequest(entry, request));
  const chosen = chooseRule(candidates, {
    request,
    placeholders,
    isIsolated: identity.policy.isIsolated,
    hasSecret: context.hasSecret,
  });
  const plain = isPushHost(identity.policy, request.target) ? "git" : "http";
  const protocol = (chosen ?? hostRules[0])?.rule.protocol ?? plain;
  // The login that an unconfined session renews is the user's own.
  const answer =
    identity.policy.isUnconfined === true ? undefined : answerVerdict(context, { request, hostRules, protocol });
  if (typeof answer === "object" && isRefusal(answer))
    return localVerdict(context, hostRules, { request, refusal: answer });
  const access = accessVerdict(identity.policy, protocol, request);
  if (access.refusal !== undefined) return { kind: "refuse", refusal: access.refusal };
  const rule = (chosen ?? hostRules[0])?.rule;
  if (rule === undefined) return { kind: "forward", ...access.extra };
  const forward: Forward = { kind: "forward", rule, ...access.extra };
  if (answer === "anonymous") return { ...forward, dropsCredentials: true };
  const takesTokensOf =
    rule.takesTokensOf !== undefined && context.hasSecret(rule.takesTokensOf) ? rule.takesTokensOf : undefined;
  const answered = {
    ...forward,
    ...(answer === undefined ? {} : { answerFields: answer }),
    ...(takesTokensOf === undefined ? {} : { takesTokensOf }),
  };
  const question = { rule, isIsolated: identity.policy.isIsolated, hasPlaceholder: placeholders.size > 0, request };
  return chosen === undefined || rule.inject === undefined || rule.secret === undefined
    ? withoutSecret(answered, { ...question, isKnown: chosen !== undefined })
    : withSecret(answered, { ...question, secret: rule.secret, isPresent: context.hasSecret(rule.secret) });
}

/** What clients may carry to a host: its own placeholders, and at registries the handles of tokens. */
function ownPlaceholders({ placeholder, protocol }: CredentialRule): readonly (string | undefined)[] {
  return protocol === "container-registry" ? [placeholder, tokenHandlePrefix] : [placeholder];
}

type Forward = Extract<RequestVerdict, { readonly kind: "forward" }>;

interface RuleQuestion {
  readonly rule: CredentialRule;
  readonly request: ProxyRequest;
  readonly isIsolated: boolean;
  readonly hasPlaceholder: boolean;
}

/** Nothing is injected here. From a sandbox nobody's own credential reaches the host either, where its rules know how it looks. */
function withoutSecret(forward: Forward, question: RuleQuestion & { readonly isKnown: boolean }): RequestVerdict {
  const { rule, isIsolated, request } = question;
  if (forward.takesTokensOf !== undefined) return isIsolated ? { ...forward, dropsCredentials: true } : forward;
  if (!isIsolated) {
    if (!question.hasPlaceholder) return forward;
    return forbid("placeholder-misplaced", {
      message: "No rule replaces the placeholder on this path",
      fix: "see what would happen: clauderon proxy explain URL",
    });
  }
  if (question.isKnown && rule.anonymous === "reads" && !isRead(rule, request)) {
    return forbid("secret-missing", {
      message: `Only what reads goes to ${rule.host} without a credential`,
      fix: `add a rule with a secret for ${rule.host} to proxy.toml`,
    });
  }
  return { ...forward, dropsCredentials: true };
}

function withSecret(
  forward: Forward,
  question: RuleQuestion & { readonly secret: string; readonly isPresent: boolean },
): RequestVerdict {
  const { rule, secret, request } = question;
  if (question.isPresent) return { ...forward, secret };
  if (!question.hasPlaceholder && !question.isIsolated) return forward;
  const isAnonymous = rule.anonymous === "reads" && !question.hasPlaceholder && isRead(rule, request);
  if (isAnonymous) return { ...forward, dropsCredentials: true };
  return forbid("secret-missing", {
    message: `The rule ${rule.id} has no secret "${secret}"`,
    fix: `clauderon config credentials set ${secret}`,
  });
}

function isRead(rule: CredentialRule, request: ProxyRequest): boolean {
  return readOnlyVerdict(rule.protocol, request) === undefined;
}

const tokenMatchers = new Map(
  Object.entries(tokenRoutes).map(([protocol, routes]) => [protocol, compileRoutes(routes)]),
);

interface AnswerQuestion {
  readonly request: ProxyRequest;
  readonly hostRules: readonly CompiledRule[];
  readonly protocol: RuleProtocol;
}

/**
 * Fields of the answer that hold new credentials, or the refusal of a route that hands them out. A container registry's token service is asked without a login
 * where its answer cannot be rewritten: such a token opens public images alone.
 */
function answerVerdict(
  context: Context,
  { request, hostRules, protocol }: AnswerQuestion,
): readonly string[] | "anonymous" | Refusal | undefined {
  const answering = hostRules.find((entry) => entry.hasTokenAnswer(request.path));
  if (answering === undefined && tokenMatchers.get(protocol)?.(request.method, apiPath(request.path)) !== true) {
    return undefined;
  }
  const { fields, hosts } = answering?.rule.tokenAnswer ?? {};
  const isRewritten = hosts === undefined ? context.canReplaceAnswers : context.canExchangeTokens;
  if (answering !== undefined && fields !== undefined && isRewritten && matchesRequest(answering, request))
    return fields;
  if (protocol !== "container-registry") return refuse(403, "token-route", tokenRoute);
  // Clients of registries that ask by POST ask once more by GET when POST is not there.
  return request.method === "GET" ? "anonymous" : refuse(405, "token-route", tokenRoute);
}

const tokenRoute: RefusalText = {
  message: "This route answers with a new credential, which a session must not hold",
  fix: "make the credential outside and store it: clauderon config credentials set NAME",
};

/** The refusal of a token route, or the answer that stands in for the host's. */
function localVerdict(
  context: Context,
  hostRules: readonly CompiledRule[],
  { request, refusal }: { readonly request: ProxyRequest; readonly refusal: Refusal },
): RequestVerdict {
  const rule = hostRules.find((entry) => entry.hasTokenAnswer(request.path))?.rule;
  const answer = rule === undefined || request.method !== "POST" ? undefined : context.localAnswer(rule.id);
  if (answer === undefined) return { kind: "refuse", refusal };
  const text = { message: "The proxy answered for the host", fix: "nothing has to be done" };
  return { kind: "refuse", refusal: refuse(answer.status, "answered-locally", text), answer };
}

function forbid(code: string, text: RefusalText): RequestVerdict {
  return { kind: "refuse", refusal: refuse(403, code, text) };
}
