import { matchesHost, parseHostPattern, type HostPattern } from "./host-pattern.ts";
import { anyGlob, type PathMatcher } from "./path-glob.ts";
import type { CredentialRule, ProxyRequest } from "./proxy-types.ts";

/** A rule, made ready for matching. */
export interface CompiledRule {
  readonly rule: CredentialRule;
  readonly pattern: HostPattern;
  readonly port: number;
  readonly matchesPath: PathMatcher;
  readonly methods: ReadonlySet<string> | undefined;
  /** Lower case. */
  readonly credentialHeaders: ReadonlySet<string>;
  readonly hasTokenAnswer: PathMatcher;
}

/** The rules by host. */
export interface RuleTable {
  readonly rules: readonly CompiledRule[];
  /** Of the host and port, whatever the path; in the order of the rules. */
  forAuthority(host: string, port: number): readonly CompiledRule[];
}

const httpsPort = 443;
const none: readonly CompiledRule[] = [];
/** Rules do not change, and most requests are for a few hosts. */
const rememberedLimit = 1000;

/** Makes the rules ready. One whose host cannot be read throws: rules come from settings that were checked. */
export function createRuleTable(rules: readonly CredentialRule[]): RuleTable {
  const compiled = rules.map((rule) => compileRule(rule));
  const exact = Map.groupBy(compiled, ({ pattern, port }) => `${pattern.host}:${port}`);
  const wildcards = compiled.filter(({ pattern }) => pattern.isWildcard);
  const known = new Map<string, readonly CompiledRule[]>();
  const find = (key: string, host: string, port: number): readonly CompiledRule[] => {
    const named = exact.get(key) ?? none;
    if (wildcards.length === 0) return named;
    const wide = wildcards.filter((entry) => entry.port === port && matchesHost(entry.pattern, host));
    return wide.length === 0 ? named : [...named, ...wide];
  };
  return {
    rules: compiled,
    forAuthority: (host, port) => {
      const key = `${host}:${port}`;
      const before = known.get(key);
      if (before !== undefined) return before;
      const found = find(key, host, port);
      if (known.size >= rememberedLimit) known.clear();
      known.set(key, found);
      return found;
    },
  };
}

/** Whether the rule's path and method are the request's. */
export function matchesRequest(compiled: CompiledRule, request: Pick<ProxyRequest, "path" | "method">): boolean {
  return compiled.methods?.has(request.method) !== false && compiled.matchesPath(request.path);
}

function compileRule(rule: CredentialRule): CompiledRule {
  const pattern = parseHostPattern(rule.host);
  const isRange = pattern?.address !== undefined && pattern.address.prefixLength < pattern.address.bytes.length * 8;
  const isWholeDomain = pattern?.isWildcard === true && !pattern.host.slice(1).includes(".");
  if (pattern === undefined || pattern.port !== undefined || isRange || isWholeDomain) {
    throw new TypeError(`rule ${rule.id}: ${rule.host} is not a host`);
  }
  const injected = rule.inject === undefined || rule.inject.kind === "query" ? [] : [injectedHeader(rule.inject)];
  return {
    rule,
    pattern: pattern.address === undefined ? pattern : { ...pattern, host: rule.host },
    port: rule.port ?? httpsPort,
    matchesPath: rule.paths === undefined ? () => true : anyGlob(rule.paths),
    methods: rule.methods === undefined ? undefined : new Set(rule.methods),
    credentialHeaders: new Set([...injected, ...(rule.credentialHeaders ?? [])].map((name) => name.toLowerCase())),
    hasTokenAnswer: anyGlob(rule.tokenAnswer?.paths ?? []),
  };
}

function injectedHeader(
  inject: { readonly kind: "header"; readonly name: string } | { readonly kind: "basic" },
): string {
  return inject.kind === "basic" ? "authorization" : inject.name;
}
