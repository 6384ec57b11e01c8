import type { BudgetAccounts, BudgetKeeper } from "./budget/create-budget-keeper.ts";
import { formatBudget } from "./budget/parse-budget.ts";
import { classifyAddress } from "./policy/address-policy.ts";
import { parseAddress } from "./policy/address.ts";
import { formatAuthority } from "./policy/canonical-host.ts";
import { parseConnectTarget, parseRequestTarget } from "./policy/canonical-target.ts";
import type { ExplainablePolicyEngine } from "./policy/decide.ts";
import type {
  ConnectVerdict,
  ProxyIdentity,
  ProxyRequest,
  ProxyTarget,
  Refusal,
  RequestVerdict,
} from "./policy/proxy-types.ts";
import { isRefusal, refuse } from "./policy/refusal.ts";
import type { SecretInfo } from "./secrets/create-secret-source.ts";
import { modelVendor } from "./tap/model-vendor.ts";

/** What is asked. */
export interface ExplainQuestion {
  /** As a client would name it: `https://api.github.com/user`. */
  readonly url: string;
  /** Default `GET`. */
  readonly method?: string | undefined;
  readonly isUpgrade?: boolean | undefined;
  /** Absent = somebody without a session's token. */
  readonly identity?: ProxyIdentity | undefined;
  /** What the session has used, and its limit; absent = it has none. */
  readonly budget?: Pick<BudgetKeeper, "check" | "accounts"> | undefined;
}

/** What the answer is read from. */
export interface ExplainPorts {
  readonly engine: ExplainablePolicyEngine;
  readonly describeSecret: (name: string) => SecretInfo;
  /** Origins that stand in for a host, by host. */
  readonly upstreams?: Readonly<Record<string, string>> | undefined;
}

/** One step of the way, in words. */
export interface ExplainStep {
  readonly step: "target" | "network" | "connection" | "rule" | "access" | "budget" | "secret" | "upstream" | "address";
  readonly outcome: "passes" | "refused" | "note";
  readonly text: string;
}

/** What would happen to a request, and why. Nothing is sent and no name is resolved. */
export interface Explanation {
  readonly url: string;
  readonly method: string;
  readonly session?: string | undefined;
  readonly outcome: "tunnelled" | "forwarded" | "injected" | "refused";
  readonly target?: ProxyTarget | undefined;
  readonly connect?: ConnectVerdict["kind"] | undefined;
  readonly ruleId?: string | undefined;
  /** Its name, origin and state; never its value. */
  readonly secret?: SecretInfo | undefined;
  readonly refusal?: Refusal | undefined;
  readonly steps: readonly ExplainStep[];
}

/** Follows a request through the same functions that decide on a real one. */
export function explain(question: ExplainQuestion, ports: ExplainPorts): Explanation {
  const method = question.method ?? "GET";
  const steps: ExplainStep[] = [];
  const base = { url: question.url, method, session: question.identity?.sessionName, steps };
  const parsed = parseQuestion(question, method);
  if (isRefusal(parsed)) return refused(base, parsed, "target");
  const { request, connect: connectTarget } = parsed;
  const { target } = request;
  steps.push({
    step: "target",
    outcome: "passes",
    text: `${target.scheme}://${formatAuthority(target, defaultPort(target))}${request.path}`,
  });
  const connect =
    connectTarget === undefined ? undefined : ports.engine.decideConnect(question.identity, connectTarget);
  const known = { ...base, target, connect: connect?.kind };
  const { identity } = question;
  if (identity === undefined) return explainAnonymous(known, connect, target);
  const reason = ports.engine.networkReason(identity, target);
  if (isRefusal(reason)) return refused(known, reason, "network");
  steps.push({ step: "network", outcome: "passes", text: networkText(identity, reason) });
  pushAdvisory(steps, identity);
  if (connect?.kind === "refuse") return refused(known, connect.refusal, "connection");
  pushAddress(steps, target);
  if (connect?.kind === "tunnel") {
    steps.push({
      step: "connection",
      outcome: "passes",
      text:
        connect.ruleId === undefined
          ? "a blind tunnel: no rule names the host, so its bytes are not looked into"
          : `a blind tunnel: the secret of the rule ${connect.ruleId} is missing, and the session has its own way to the host`,
    });
    return { ...known, outcome: "tunnelled" };
  }
  if (connect !== undefined)
    steps.push({ step: "connection", outcome: "passes", text: interceptText(identity, connect.ruleId) });
  pushUpstream(steps, target, ports.upstreams);
  return explainRequest(known, ports, { identity, request, budget: question.budget });
}

type Base = Pick<Explanation, "url" | "method" | "session" | "target" | "connect"> & { readonly steps: ExplainStep[] };

function explainRequest(
  base: Base,
  ports: ExplainPorts,
  { identity, request, budget }: Pick<ExplainQuestion, "budget"> & { identity: ProxyIdentity; request: ProxyRequest },
): Explanation {
  const { steps } = base;
  const verdict = ports.engine.decideRequest(identity, request);
  const rules = ports.engine.rulesFor(request.target);
  if (verdict.kind === "refuse") {
    const named = rules.find(({ secret }) => secret !== undefined && verdict.refusal.message.includes(`"${secret}"`));
    const info = named?.secret === undefined ? undefined : ports.describeSecret(named.secret);
    return { ...refused(base, verdict.refusal, stepOf(verdict.refusal)), ruleId: named?.id, secret: info };
  }
  const ruleId = verdict.rule?.id;
  steps.push({
    step: "rule",
    outcome: ruleId === undefined ? "note" : "passes",
    text: ruleText(verdict, rules.length),
  });
  steps.push({ step: "access", outcome: "passes", text: accessText(identity, verdict) });
  const context = { identity, request, rule: verdict.rule };
  const denial = budget?.check(context);
  if (denial !== undefined) return { ...refused(base, denial.refusal, "budget"), ruleId };
  if (budget !== undefined && modelVendor(context) !== undefined) {
    const { session, day } = budget.accounts(identity.sessionId);
    const text = `the session has used ${budgetText(session)}, all sessions today ${budgetText(day)}`;
    steps.push({ step: "budget", outcome: "passes", text });
  }
  const tokens = tokenText(verdict);
  if (tokens !== undefined) steps.push({ step: "secret", outcome: "note", text: tokens });
  if (verdict.secret === undefined) {
    const text =
      verdict.dropsCredentials === true
        ? "no secret is put in, and the client's own credentials for the host are removed"
        : "no secret is put in; the request goes as it is";
    steps.push({ step: "secret", outcome: "note", text });
    return { ...base, outcome: "forwarded", ruleId };
  }
  const secret = ports.describeSecret(verdict.secret);
  if (secret.state === "refused") {
    const refusal = refuse(503, "secret-unavailable", {
      message: `The secret ${secret.name} is not used: ${secret.why ?? "it cannot be read"}`,
      fix: secret.fix ?? "store it again",
    });
    return { ...refused(base, refusal, "secret"), ruleId, secret };
  }
  steps.push({ step: "secret", outcome: "passes", text: secretText(verdict, secret) });
  return { ...base, outcome: "injected", ruleId, secret };
}

function explainAnonymous(base: Base, connect: ConnectVerdict | undefined, target: ProxyTarget): Explanation {
  if (connect?.kind === "tunnel") {
    base.steps.push({
      step: "connection",
      outcome: "passes",
      text: `without a session: a blind tunnel to ${target.host}, which has a rule; nothing is put in`,
    });
    return { ...base, outcome: "tunnelled", ruleId: connect.ruleId };
  }
  const refusal =
    connect?.kind === "refuse"
      ? connect.refusal
      : refuse(407, "identity-missing", {
          message: "The proxy does not know which session asks",
          fix: "name one: --session NAME",
        });
  return refused(base, refusal, "connection");
}

function parseQuestion(
  question: ExplainQuestion,
  method: string,
): { readonly request: ProxyRequest; readonly connect?: ProxyTarget | undefined } | Refusal {
  const [, scheme = "", authority = "", rest = ""] = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(question.url) ?? [];
  const isHttps = scheme.toLowerCase() === "https";
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  const headers = [{ name: "host", value: authority }];
  const line = { method, headers, isUpgrade: question.isUpgrade ?? false };
  if (!isHttps) return withRequest(parseRequestTarget({ ...line, target: question.url }));
  const connect = parseConnectTarget(/:\d+$/.test(authority) ? authority : `${authority}:443`);
  if (isRefusal(connect)) return connect;
  const tunnel: ProxyTarget = { ...connect, scheme: "https" };
  return withRequest(parseRequestTarget({ ...line, target, tunnel }), connect);
}

function withRequest(
  request: ProxyRequest | Refusal,
  connect?: ProxyTarget,
): { readonly request: ProxyRequest; readonly connect?: ProxyTarget | undefined } | Refusal {
  return isRefusal(request) ? request : { request, connect };
}

function refused(base: Base, refusal: Refusal, step: ExplainStep["step"]): Explanation {
  return {
    ...base,
    outcome: "refused",
    refusal,
    steps: [...base.steps, { step, outcome: "refused", text: refusal.message }],
  };
}

function stepOf(refusal: Refusal): ExplainStep["step"] {
  return refusal.code === "secret-missing" ? "secret" : "access";
}

function defaultPort(target: ProxyTarget): number {
  return target.scheme === "http" ? 80 : 443;
}

function networkText(
  identity: ProxyIdentity,
  reason: { readonly because: "rule" | "allow" | "open"; readonly entry?: string | undefined },
): string {
  if (reason.because === "rule") return `the rule ${reason.entry ?? ""} names the host`;
  if (reason.because === "allow") return `${reason.entry ?? ""} is allowed`;
  return `the network of ${identity.sessionName} is open`;
}

function interceptText(identity: ProxyIdentity, ruleId: string | undefined): string {
  if (ruleId !== undefined) return `looked into: the rule ${ruleId} is for this host`;
  return identity.policy.accessMode === "read-only"
    ? "looked into: the session is read-only"
    : "looked into: the session's repository is there";
}

function ruleText(verdict: Extract<RequestVerdict, { readonly kind: "forward" }>, count: number): string {
  if (verdict.rule === undefined) return count === 0 ? "no rule is for this host" : "no rule is for this request";
  return `${verdict.rule.id}: ${verdict.rule.description}`;
}

function accessText(identity: ProxyIdentity, verdict: Extract<RequestVerdict, { readonly kind: "forward" }>): string {
  const mode = `the session is ${identity.policy.accessMode}`;
  if (verdict.push !== undefined)
    return `${mode}; the push is read, and passes only when it updates ${typeof verdict.push === "string" ? "nothing" : verdict.push.ref}`;
  if (verdict.bodyCheck === undefined) return mode;
  return `${mode}; the body decides: ${{ "graphql-reads": "GraphQL queries pass, mutations do not", "graphql-keeps-refs": "mutations that move branches do not pass", "lfs-download": "LFS downloads pass, uploads do not" }[verdict.bodyCheck.kind]}`;
}

/** What becomes of short-lived tokens. */
function tokenText({
  answerFields,
  takesTokensOf,
}: Extract<RequestVerdict, { readonly kind: "forward" }>): string | undefined {
  if (answerFields !== undefined)
    return "the tokens of the answer stay in the proxy; the session gets handles for them";
  if (takesTokensOf === undefined) return undefined;
  return `for a handle that the session was given, the token is put in that was made with ${takesTokensOf}`;
}

function secretText(verdict: Extract<RequestVerdict, { readonly kind: "forward" }>, secret: SecretInfo): string {
  const inject = verdict.rule?.inject;
  const how =
    inject === undefined
      ? ""
      : { header: "the header ", query: "the parameter ", basic: "Basic, as " }[inject.kind] +
        (inject.kind === "basic" ? inject.username : inject.name);
  return `${secret.name} (${secret.origin ?? "unknown"}: ${secret.place ?? ""}) is put in: ${how}`;
}

function budgetText({ used, limit }: BudgetAccounts["session"]): string {
  const of = limit === undefined ? "without a limit" : `of ${formatBudget(limit)}`;
  return `${used.usd.toFixed(2)}usd, ${used.tokens}tokens ${of}`;
}

/** Where the agent acts as the user it may leave the proxy out. */
function pushAdvisory(steps: ExplainStep[], { policy }: ProxyIdentity): void {
  const isRestricted = policy.accessMode === "read-only" || policy.network !== "open" || policy.deny.length > 0;
  if (policy.isUnconfined === true && isRestricted)
    steps.push({ step: "network", outcome: "note", text: "advisory: the agent can go round the proxy" });
}

function pushAddress(steps: ExplainStep[], target: ProxyTarget): void {
  const address = parseAddress(target.host);
  const text =
    address === undefined
      ? "the name is resolved when it is asked for; every address it has must be public or allowed"
      : `the address is ${classifyAddress(address)}`;
  steps.push({ step: "address", outcome: "note", text });
}

function pushUpstream(
  steps: ExplainStep[],
  target: ProxyTarget,
  upstreams: Readonly<Record<string, string>> | undefined,
): void {
  const upstream = upstreams?.[target.host];
  if (upstream !== undefined)
    steps.push({ step: "upstream", outcome: "note", text: `requests go to ${upstream}, as [proxy.upstreams] says` });
}
