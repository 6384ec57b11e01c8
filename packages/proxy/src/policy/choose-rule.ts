import type { ProxyHeader, ProxyRequest } from "./proxy-types.ts";
import type { CompiledRule } from "./rule-table.ts";

/** What the choice among several rules of one request depends on. */
export interface RuleChoice {
  readonly request: ProxyRequest;
  readonly placeholders: ReadonlySet<string>;
  readonly isIsolated: boolean;
  readonly hasSecret: (name: string) => boolean;
}

/**
 * Several rules may be for one request (an API key and a login of the same vendor): the one whose placeholder it carries, else the one whose kind of credential it
 * uses, else the first that has its secret. Where the sandbox holds nothing of its own, a rule without a secret gives way to one that has it.
 */
export function chooseRule(candidates: readonly CompiledRule[], choice: RuleChoice): CompiledRule | undefined {
  if (candidates.length === 1) return candidates[0];
  const isReady = (entry: CompiledRule): boolean =>
    entry.rule.secret !== undefined && choice.hasSecret(entry.rule.secret);
  const preferred =
    candidates.find((entry) => choice.placeholders.has(entry.rule.placeholder ?? "")) ??
    candidates.find((entry) => usesKind(entry, choice.request.headers));
  const ready = candidates.find((entry) => isReady(entry));
  if (preferred === undefined) return ready ?? candidates[0];
  return choice.isIsolated && !isReady(preferred) ? (ready ?? preferred) : preferred;
}

function usesKind({ rule }: CompiledRule, headers: readonly ProxyHeader[]): boolean {
  const { inject } = rule;
  if (inject === undefined || inject.kind === "query") return false;
  const wanted = inject.kind === "basic" ? "authorization" : inject.name.toLowerCase();
  const prefix = inject.kind === "basic" ? "basic " : (inject.format.split("{secret}")[0] ?? "").toLowerCase();
  return headers.some(
    ({ name, value }) =>
      name.length === wanted.length &&
      name.toLowerCase() === wanted &&
      value.slice(0, prefix.length).toLowerCase() === prefix,
  );
}
