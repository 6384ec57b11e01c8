import type { AllowedAddress } from "./address-policy.ts";

/** What one request wants to reach, in the canonical form that is both decided on and sent. */
export interface ProxyTarget {
  /** How the destination is spoken to behind the proxy. `tcp` = the bytes of a CONNECT are not looked into. */
  readonly scheme: "http" | "https" | "tcp";
  /** Lower-case A-label host without trailing dot, or an address: IPv4 dotted, IPv6 as RFC 5952 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The request line, as it will be sent upstream. */
export interface ProxyRequest {
  readonly target: ProxyTarget;
  /** As received; methods are case-sensitive (RFC 9110 §9.1). */
  readonly method: string;
  /** Absolute path in canonical form, without the query. */
  readonly path: string;
  /** The query without `?`; empty when there is none. */
  readonly query: string;
  /** Name and value pairs as received, in order. */
  readonly headers: readonly ProxyHeader[];
  readonly isUpgrade: boolean;
}

export interface ProxyHeader {
  readonly name: string;
  readonly value: string;
}

/** `read-only`: model APIs and fetches work, writes are refused. */
export type AccessMode = "read-write" | "read-only";

/** `open`: every public host; `listed`: hosts with a rule and those allowed; `none`: nothing. */
export type NetworkMode = "open" | "listed" | "none";

/** The branch that a session may push, and where. */
export interface PushScope {
  readonly host: string;
  /** Default 443. */
  readonly port?: number | undefined;
  /** The repository's path on that host without leading `/` and without `.git`, e.g. `acme/app`. */
  readonly repository: string;
  /** A full ref, `refs/heads/clauderon/fix`. */
  readonly ref: string;
}

/** What a session may do; replaced as a whole when it changes, so that one request sees one policy. */
export interface SessionPolicy {
  readonly accessMode: AccessMode;
  readonly network: NetworkMode;
  /** `HOST` or `HOST:PORT`; `*.example.com` matches every subdomain, not the domain itself. */
  readonly allow: readonly string[];
  /** The same form; stronger than `allow` and than rules. */
  readonly deny: readonly string[];
  /** True where the sandbox holds no credential of its own: a rule whose secret is missing then refuses, else it lets the client's own through. */
  readonly isIsolated: boolean;
  /**
   * The session acts as the user on this machine and reaches all of it without the proxy, too: with an open network no address and no port is refused (the daemon's
   * and the proxy's own, and those denied, excepted), and the logins that it has itself are renewed unchanged. Default false.
   */
  readonly isUnconfined?: boolean | undefined;
  readonly push?: PushScope | undefined;
}

/** Who asks. The anonymous identity exists for the daemon's own port alone. */
export interface ProxyIdentity {
  readonly sessionId: string;
  readonly sessionName: string;
  readonly policy: SessionPolicy;
}

/** The protocol that a rule's host speaks: what read-only, the tap and the budget need to know. */
export type RuleProtocol =
  | "anthropic"
  | "openai"
  | "gemini"
  | "github-api"
  | "git"
  | "package-registry"
  | "container-registry"
  | "http";

/** How a secret is put into a request. `{secret}` in a format stands for the value. */
export type Injection =
  | { readonly kind: "header"; readonly name: string; readonly format: string }
  | { readonly kind: "basic"; readonly username: string }
  | { readonly kind: "query"; readonly name: string };

/** A rule is data: where it applies, and what replaces the placeholder there. */
export interface CredentialRule {
  /** Stable, shown in the audit: `anthropic-api-key`. */
  readonly id: string;
  readonly description: string;
  /** Exact host, or `*.example.com`. */
  readonly host: string;
  /** Default 443. */
  readonly port?: number | undefined;
  /** Glob over the canonical path: `*` within a segment, `**` over segments. Absent = every path. */
  readonly paths?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly protocol: RuleProtocol;
  /** Absent = the host is known and intercepted, nothing is injected. */
  readonly inject?: Injection | undefined;
  /** Name of the secret, `github`. Required with `inject`. */
  readonly secret?: string | undefined;
  /** What the sandbox holds instead of the secret. */
  readonly placeholder?: string | undefined;
  /** Names of headers and query parameters that carry credentials at this host; all are removed before injecting. */
  readonly credentialHeaders?: readonly string[] | undefined;
  readonly credentialParameters?: readonly string[] | undefined;
  /** `reads`: without a secret (none named, or none stored) what reads goes through, because the host serves public content, and what writes is refused. */
  readonly anonymous?: "reads" | undefined;
  /** Routes that answer with new credentials; refused unless the caller of the engine replaces them in the answer. */
  readonly tokenAnswer?: TokenAnswer | undefined;
  /** The secret whose short-lived tokens (a `tokenAnswer` with `hosts`) are used here; with it, a session may do here what the token may. */
  readonly takesTokensOf?: string | undefined;
  /** Where the vendor documents what the rule says. */
  readonly sources?: readonly string[] | undefined;
}

/** Where a host hands out credentials in its answers. */
export interface TokenAnswer {
  /** Globs over the canonical path. */
  readonly paths: readonly string[];
  /** Names of the JSON members, at any depth, that hold them. */
  readonly fields: readonly string[];
  /**
   * Where the tokens are used. The session is given handles of its own that stand for them there, over HTTPS, and nowhere else. Absent = the session can be given none:
   * the route is refused or answered here.
   */
  readonly hosts?: readonly string[] | undefined;
}

/** A request whose body decides: it is collected up to the limit, given to `checkBody`, and sent whole only when that finds nothing. */
export interface BodyCheck {
  readonly kind: "graphql-reads" | "graphql-keeps-refs" | "lfs-download";
  readonly limitBytes: number;
}

/** What the user and the session say about addresses, for the check after a name was resolved. */
export interface AddressRules {
  readonly allowed: readonly AllowedAddress[];
  readonly denied: readonly AllowedAddress[];
  /** Every address but those denied: the session reaches them without the proxy, too. */
  readonly isUnconfined?: boolean | undefined;
}

/** Why a request is refused; the code goes into body, audit and metrics. */
export interface Refusal {
  /** HTTP status told to the client: 400, 403, 407, 421, 429, 431, 502, 503. */
  readonly status: number;
  /** Stable, kebab case: `host-not-allowed`, `read-only`, `address-denied`, `secret-missing`. */
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

/** What happens to a connection (CONNECT) before its bytes are seen. */
export type ConnectVerdict =
  | { readonly kind: "tunnel"; readonly ruleId?: string | undefined }
  | { readonly kind: "intercept"; readonly ruleId?: string | undefined }
  | { readonly kind: "refuse"; readonly refusal: Refusal };

/** A whole answer that the proxy gives itself. */
export interface LocalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What happens to one request. */
export type RequestVerdict =
  | {
      readonly kind: "forward";
      readonly rule?: CredentialRule | undefined;
      /** The secret to inject, by name; absent = the request goes as it is, without its hop-by-hop headers. */
      readonly secret?: string | undefined;
      /** A push whose commands must be read before the first byte goes upstream. */
      readonly push?: PushScope | "forbidden" | undefined;
      /** The client's own credentials for the host (`credentialHeaders`, `credentialParameters` of `rule`) are removed although nothing is injected. */
      readonly dropsCredentials?: boolean | undefined;
      readonly bodyCheck?: BodyCheck | undefined;
      /** Members of the JSON answer that must reach the client as placeholders. */
      readonly answerFields?: readonly string[] | undefined;
      /** The secret, by name, whose tokens are put in for the handle that the client presents. */
      readonly takesTokensOf?: string | undefined;
    }
  | {
      readonly kind: "refuse";
      readonly refusal: Refusal;
      /** What the client is told in place of the refusal: the request is answered here and never reaches the host. */
      readonly answer?: LocalAnswer | undefined;
    };

/** Decides; pure over what it was given, so that one request sees one state. */
export interface PolicyEngine {
  decideConnect(identity: ProxyIdentity | undefined, target: ProxyTarget): ConnectVerdict;
  decideRequest(identity: ProxyIdentity, request: ProxyRequest): RequestVerdict;
  /** For the check of every address that the target's name resolved to. */
  addressRules(identity: ProxyIdentity | undefined): AddressRules;
}
