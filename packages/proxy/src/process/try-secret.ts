import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";

import { ClauderonError } from "@clauderon/core/contract";

import type { CredentialRule } from "../policy/proxy-types.ts";
import type { SecretOrigin, SecretSource } from "../secrets/create-secret-source.ts";
import { refusalHeader } from "../transport/problem-body.ts";
import type { ComposedProxy } from "./compose-proxy.ts";

/** What trying a secret came to; holds nothing of its value. */
export interface SecretTrial {
  readonly name: string;
  readonly origin?: SecretOrigin | undefined;
  /** `readable`: it is there, and no question to its vendor is known that costs nothing. `refused`: the vendor does not take it. `failed`: it could not be read or nobody answered as expected. */
  readonly outcome: "accepted" | "readable" | "refused" | "failed";
  readonly detail: string;
  readonly fix?: string | undefined;
}

export interface TrySecretPorts {
  readonly rules: readonly CredentialRule[];
  readonly secrets: SecretSource;
  readonly compose: () => Promise<ComposedProxy>;
  /** Where the composed proxy writes what its clients trust. */
  readonly bundlePath: string;
  readonly signal: AbortSignal;
}

interface Question {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses with which the vendor refuses a credential. */
  readonly refusals: readonly number[];
}

const timeoutMs = 20_000;

/** Reads that cost nothing and that nobody may do without the credential, by the protocol and secret of the rule. */
const questions: Readonly<Record<string, Question>> = {
  "anthropic anthropic": { path: "/v1/models", headers: { "anthropic-version": "2023-06-01" }, refusals: [401] },
  "openai openai": { path: "/v1/models", refusals: [401] },
  // Google answers an unknown key with 400.
  "gemini gemini": { path: "/v1beta/models", refusals: [400, 401, 403] },
  "github-api github": { path: "/user", refusals: [401] },
  "package-registry npm": { path: "/-/whoami", refusals: [401] },
};

/** Tries a secret the way a session uses it: through a proxy of its own, with the placeholder. */
export async function trySecret(name: string, ports: TrySecretPorts): Promise<SecretTrial> {
  const { origin } = ports.secrets.describe(name);
  const base = { name, origin };
  try {
    if ((await ports.secrets.get(name)) === undefined) {
      const fix = `clauderon config credentials set ${name}`;
      return { ...base, outcome: "failed", detail: "nothing is stored", fix };
    }
    const asked = questionOf(name, ports.rules);
    if (asked === undefined) return { ...base, outcome: "readable", detail: "it can be read; its vendor is not asked" };
    return { ...base, ...(await ask(asked, ports)) };
  } catch (error) {
    if (!ClauderonError.isInstance(error)) throw error;
    const detail = error.why === undefined ? error.message : `${error.message}: ${error.why}`;
    return { ...base, outcome: "failed", detail, fix: error.fix[0] };
  }
}

interface Asked {
  readonly rule: CredentialRule;
  readonly question: Question;
}

function questionOf(name: string, rules: readonly CredentialRule[]): Asked | undefined {
  for (const rule of rules) {
    const question = rule.secret === name ? questions[`${rule.protocol} ${name}`] : undefined;
    if (question !== undefined && !rule.host.startsWith("*")) return { rule, question };
  }
  return undefined;
}

async function ask(
  asked: Asked,
  { compose, bundlePath, signal }: TrySecretPorts,
): Promise<Pick<SecretTrial, "outcome" | "detail" | "fix">> {
  await using composed = await compose();
  const { port } = await composed.proxy.listen();
  const sessionId = randomUUID();
  const { token } = await composed.proxy.identities.add({
    sessionId,
    sessionName: "credentials-test",
    policy: { accessMode: "read-only", network: "listed", allow: [], deny: [], isIsolated: true },
  });
  const { host } = asked.rule;
  const answer = await send(asked, {
    proxyUrl: `http://${sessionId}:${token}@127.0.0.1:${port}`,
    authorities: await readFile(bundlePath, "utf8"),
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  signal.throwIfAborted();
  if (answer.isRefused) {
    const fix = `clauderon proxy explain https://${host}${asked.question.path}`;
    return { outcome: "failed", detail: "the proxy did not let the question through", fix };
  }
  if (answer.status === undefined) return { outcome: "failed", detail: `${host} did not answer: ${answer.why}` };
  if (answer.status >= 200 && answer.status < 300) return { outcome: "accepted", detail: `${host} takes it` };
  const detail = `${host} answered with ${answer.status}`;
  if (!asked.question.refusals.includes(answer.status)) return { outcome: "failed", detail };
  const fix = `store one that holds: clauderon config credentials set ${asked.rule.secret ?? ""}`;
  return { outcome: "refused", detail, fix };
}

interface Way {
  readonly proxyUrl: string;
  readonly authorities: string;
  readonly signal: AbortSignal;
}

/** `isRefused`: by the proxy, before or after the connection was there. */
type Answer =
  | { readonly isRefused: boolean; readonly status: number }
  | { readonly isRefused: boolean; readonly status: undefined; readonly why: string };

async function send({ rule, question }: Asked, way: Way): Promise<Answer> {
  const agent = new Agent({ ca: way.authorities, proxyEnv: { HTTPS_PROXY: way.proxyUrl } });
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const outgoing = request({
    agent,
    host: rule.host,
    port: rule.port ?? 443,
    path: question.path,
    headers: { ...question.headers, ...credentialOf(rule), "user-agent": "clauderon", accept: "application/json" },
    signal: way.signal,
  });
  const fail = (error: NodeJS.ErrnoException): void => {
    resolve({ isRefused: error.code === "ERR_PROXY_TUNNEL", status: undefined, why: error.message });
  };
  outgoing.on("error", fail);
  outgoing.on("response", (response) => {
    response.on("error", fail);
    response.resume();
    resolve({ isRefused: refusalHeader in response.headers, status: response.statusCode ?? 0 });
  });
  outgoing.end();
  try {
    return await promise;
  } finally {
    agent.destroy();
  }
}

function credentialOf({ inject, placeholder = "" }: CredentialRule): Readonly<Record<string, string>> {
  if (inject?.kind === "header") return { [inject.name]: inject.format.replace("{secret}", placeholder) };
  if (inject?.kind === "basic")
    return { authorization: `Basic ${Buffer.from(`${inject.username}:${placeholder}`).toString("base64")}` };
  return {};
}
