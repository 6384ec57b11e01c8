import type { CredentialRule, SessionPolicy } from "./proxy-types.ts";

/** Rules of every shape that a decision depends on. */
export const referenceRules: readonly CredentialRule[] = [
  {
    id: "key",
    description: "",
    host: "api.a.example",
    protocol: "http",
    inject: { kind: "header", name: "x-api-key", format: "{secret}" },
    secret: "key",
    placeholder: "clauderon-key-placeholder",
  },
  {
    id: "login",
    description: "",
    host: "api.a.example",
    protocol: "http",
    inject: { kind: "header", name: "authorization", format: "Bearer {secret}" },
    secret: "login",
    placeholder: "login-stand-in",
  },
  {
    id: "wild",
    description: "",
    host: "*.wild.example",
    paths: ["/api/**"],
    methods: ["GET", "POST"],
    protocol: "http",
    inject: { kind: "basic", username: "u" },
    secret: "wild",
    placeholder: "clauderon-wild-placeholder",
  },
  { id: "known", description: "", host: "files.example", protocol: "http" },
  {
    id: "reads",
    description: "",
    host: "reads.example",
    protocol: "http",
    inject: { kind: "query", name: "key" },
    secret: "reads",
    placeholder: "clauderon-reads-placeholder",
    anonymous: "reads",
  },
  {
    id: "port",
    description: "",
    host: "port.example",
    port: 8443,
    protocol: "http",
    inject: { kind: "header", name: "x-token", format: "{secret}" },
    secret: "port",
    placeholder: "clauderon-port-placeholder",
  },
];

export interface ReferenceQuestion {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The decision once more: `403 code`, `inject NAME`, `forward` or `forward drops`. For hosts that are names. */
export function referenceDecision(
  asked: ReferenceQuestion,
  { policy, secrets }: { readonly policy: SessionPolicy; readonly secrets: ReadonlySet<string> },
): string {
  const exact = rulesOf(asked, false);
  const here = asked.scheme === "https" ? [...exact, ...rulesOf(asked, true)] : [];
  const network = referenceNetwork(asked, policy, here.length > 0);
  if (network !== "reached") return network;
  const sent = [asked.path, ...Object.values(asked.headers)].join("\n");
  const carried = referenceRules.flatMap(({ placeholder = "\0" }) => (sent.includes(placeholder) ? placeholder : []));
  if (carried.some((placeholder) => here.every((rule) => rule.placeholder !== placeholder)))
    return "403 placeholder-misplaced";
  const rule = choose(
    here.filter((entry) => isFor(entry, asked)),
    { asked, carried, isIsolated: policy.isIsolated, secrets },
  );
  const isRead = ["GET", "HEAD", "OPTIONS"].includes(asked.method);
  if (policy.accessMode === "read-only" && !isRead) return "403 read-only";
  if (here.length === 0) return "forward";
  const isSpoken = carried.length > 0;
  if (rule?.secret === undefined) {
    if (policy.isIsolated) return "forward drops";
    return isSpoken ? "403 placeholder-misplaced" : "forward";
  }
  if (secrets.has(rule.secret)) return `inject ${rule.secret}`;
  if (!isSpoken && !policy.isIsolated) return "forward";
  return rule.anonymous === "reads" && !isSpoken && isRead ? "forward drops" : "403 secret-missing";
}

function rulesOf({ host, port }: ReferenceQuestion, isWildcard: boolean): readonly CredentialRule[] {
  return referenceRules.filter((rule) => {
    if (rule.host.startsWith("*") !== isWildcard || (rule.port ?? 443) !== port) return false;
    return isWildcard ? host.endsWith(rule.host.slice(1)) && host !== rule.host.slice(2) : host === rule.host;
  });
}

function isFor({ id, methods }: CredentialRule, { path, method }: ReferenceQuestion): boolean {
  if (methods !== undefined && !methods.includes(method)) return false;
  return id !== "wild" || path.startsWith("/api/") || path === "/api";
}

interface Choice {
  readonly asked: ReferenceQuestion;
  readonly carried: readonly string[];
  readonly isIsolated: boolean;
  readonly secrets: ReadonlySet<string>;
}

function choose(rules: readonly CredentialRule[], choice: Choice): CredentialRule | undefined {
  const { asked, carried, isIsolated, secrets } = choice;
  if (rules.length < 2) return rules[0];
  const stored = rules.find(({ secret = "" }) => secrets.has(secret));
  const meant =
    rules.find(({ placeholder = "\0" }) => carried.includes(placeholder)) ??
    rules.find(({ id }) =>
      id === "key"
        ? asked.headers["x-api-key"] !== undefined
        : asked.headers["authorization"]?.toLowerCase().startsWith("bearer ") === true,
    );
  if (meant === undefined) return stored ?? rules[0];
  return isIsolated && !secrets.has(meant.secret ?? "") ? (stored ?? meant) : meant;
}

function referenceNetwork({ host, port }: ReferenceQuestion, policy: SessionPolicy, hasRule: boolean): string {
  const isHost = (entry: string): boolean => {
    const name = entry.split(":")[0] ?? "";
    return name.startsWith("*.") ? host.endsWith(name.slice(1)) && host !== name.slice(2) : host === name;
  };
  const isEntry = (entry: string, ports: readonly number[]): boolean => {
    const named = entry.split(":")[1];
    return isHost(entry) && (named === undefined ? ports.includes(port) : Number(named) === port);
  };
  const web = [80, 443];
  if (policy.network === "none") return "403 network-none";
  if (policy.deny.some((entry) => isEntry(entry, [port]))) return "403 host-denied";
  const allowing = policy.allow.find((entry) => isEntry(entry, web));
  const isLocal = host === "localhost" || host.endsWith(".localhost") || host.endsWith(".local");
  if (isLocal && (allowing === undefined || allowing.startsWith("*"))) return "403 address-denied";
  if (hasRule || allowing !== undefined || (policy.network === "open" && web.includes(port))) return "reached";
  return policy.network === "open" || policy.allow.some(isHost) ? "403 port-not-allowed" : "403 host-not-allowed";
}
