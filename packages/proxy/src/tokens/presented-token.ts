import { formatAuthority } from "../policy/canonical-host.ts";
import type { ProxyRequest, RequestVerdict } from "../policy/proxy-types.ts";
import { planInjection, type InjectionPlan } from "../transport/header-filter.ts";
import type { ProxySession } from "../transport/sessions.ts";
import type { KeptToken } from "./session-tokens.ts";

const httpsPort = 443;
const bearer = /^bearer +(?<handle>\S+)$/iu;

/** The token that a request's handle stands for, where it may be used: at its own hosts, while the secret that it was made with is there. */
export function presentedToken(
  { tokens }: Pick<ProxySession, "tokens">,
  { target, headers }: ProxyRequest,
  { rule, takesTokensOf }: Pick<Extract<RequestVerdict, { readonly kind: "forward" }>, "rule" | "takesTokensOf">,
): KeptToken | undefined {
  if (rule?.protocol !== "container-registry" || target.scheme !== "https") return undefined;
  for (const { name, value } of headers) {
    if (name.length !== "authorization".length || name.toLowerCase() !== "authorization") continue;
    const handle = bearer.exec(value)?.groups?.["handle"];
    const kept = handle === undefined ? undefined : tokens.find(handle);
    if (kept === undefined || !kept.hosts.includes(formatAuthority(target, httpsPort))) continue;
    if (kept.secret === undefined || kept.secret === takesTokensOf) return kept;
  }
  return undefined;
}

/** How a token is put in: as the one credential of the request. */
export function planToken(token: string): InjectionPlan {
  return planInjection(
    {
      id: "token",
      description: "",
      host: "",
      protocol: "container-registry",
      inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
      credentialHeaders: ["authorization", "cookie"],
    },
    token,
  );
}

const enough = 96;

/** What of a token is looked for in answers. A long one is signed: without its end it is good for nothing, and a search for kilobytes in every encoding takes long to build. */
export function guardedPart(token: string): string {
  return token.slice(-enough);
}
