import type { BackendCapabilities, Isolation } from "../contract/backend-capabilities.ts";
import type { Backend } from "../contract/backend.ts";
import { CapabilityUnsupportedError } from "../contract/errors/capability-unsupported-error.ts";
import { UsageError } from "../contract/errors/usage-error.ts";
import type { NetworkPolicy } from "../contract/sandbox-spec.ts";
import type { SessionAccess, SessionAccessChange } from "../contract/session-access.ts";
import type { SessionState } from "../contract/session-state.ts";
import type { CreateSessionRequest } from "../contract/session.ts";

/** What a request, or the configuration, says of access. */
export type AccessRequest = Pick<
  CreateSessionRequest,
  "accessMode" | "network" | "allow" | "deny" | "isAdvisory" | "budget"
>;

const noBudget = "none";

/** What a new session gets: what was asked for, then the configuration's, then what fits its isolation. */
export function requestedAccess(
  request: AccessRequest,
  {
    defaults,
    capabilities,
  }: {
    readonly defaults: AccessRequest;
    readonly capabilities: Pick<BackendCapabilities, "isolation" | "networkPolicy">;
  },
): SessionAccess {
  return {
    accessMode: request.accessMode ?? defaults.accessMode ?? "read-write",
    network: request.network ?? defaults.network ?? usualNetwork(capabilities),
    allow: unique([...(defaults.allow ?? []), ...(request.allow ?? [])]),
    deny: unique([...(defaults.deny ?? []), ...(request.deny ?? [])]),
    isAdvisory: request.isAdvisory ?? defaults.isAdvisory ?? false,
    budget: limitOf(request.budget ?? defaults.budget),
  };
}

/** What a session may do now. */
export function accessOf({ access, isolation }: Pick<SessionState, "access" | "isolation">): SessionAccess {
  const capabilities = { isolation, networkPolicy: isolation !== "none" };
  return access ?? requestedAccess({}, { defaults: {}, capabilities });
}

/** The access after a change. Throws `usage.invalid` when an entry that is to be removed is in no list. */
export function changedAccess(access: SessionAccess, change: SessionAccessChange): SessionAccess {
  const { allow = [], deny = [], remove = [] } = change;
  const unknown = remove.find((entry) => ![...access.allow, ...access.deny].includes(entry));
  if (unknown !== undefined) {
    const known = [...access.allow, ...access.deny];
    throw new UsageError({
      message: `${JSON.stringify(unknown)} is neither allowed nor denied for this session`,
      why: known.length === 0 ? "both lists are empty" : `the lists hold ${known.join(", ")}`,
      fix: ["write the entry as it was added", "see the lists: clauderon access NAME"],
    });
  }
  const gone = new Set(remove);
  return {
    accessMode: change.accessMode ?? access.accessMode,
    network: change.network ?? access.network,
    allow: unique([...access.allow.filter((entry) => !gone.has(entry) && !deny.includes(entry)), ...allow]),
    deny: unique([...access.deny.filter((entry) => !gone.has(entry) && !allow.includes(entry)), ...deny]),
    isAdvisory: change.isAdvisory ?? access.isAdvisory,
    budget: change.budget === undefined ? access.budget : limitOf(change.budget),
  };
}

/** True for what the proxy alone holds a session to: such a session does not run without it. */
export function needsProxy({ accessMode, network, allow, deny, budget }: SessionAccess, isolation: Isolation): boolean {
  const isListed = isolation === "none" ? network !== "open" : allow.length > 0;
  return accessMode === "read-only" || isListed || deny.length > 0 || budget !== undefined;
}

/** Refuses restrictions that nobody enforces: those that the agent can go round, unless the user took them so, and networks that the backend cannot hold back. */
export function refuseUnenforced(
  access: SessionAccess,
  { backendId: backend, capabilities }: Pick<Backend, "backendId" | "capabilities">,
): void {
  const { isolation, networkPolicy } = capabilities;
  const isHeldBack = access.network === "open" || networkPolicy;
  if (isolation !== "none" && !isHeldBack) throw new CapabilityUnsupportedError(backend, "networkPolicy");
  if (isolation !== "none" || access.isAdvisory) return;
  const asked = [
    ...(access.accessMode === "read-only" ? ["--access-mode read-only"] : []),
    ...(access.network === "open" ? [] : [`--network ${access.network}`]),
    ...(access.deny.length > 0 ? [`--deny ${access.deny[0] ?? ""}`] : []),
  ];
  if (asked.length === 0) return;
  throw new UsageError({
    message: `The backend ${backend} cannot enforce ${asked.join(" and ")}`,
    why: "its agents run as you on this machine and can go round the proxy",
    fix: [
      "take it as a help against mistakes, not as a limit: add --advisory (for every session: clauderon config set session.advisory true)",
      "or choose a backend that isolates: clauderon backend list",
    ],
    context: { backend, isolation },
  });
}

/** What the backend itself is told; only those that can are. */
export function networkPolicyOf(
  { network, allow }: SessionAccess,
  { networkPolicy }: Pick<BackendCapabilities, "networkPolicy">,
): NetworkPolicy | undefined {
  return networkPolicy ? { mode: network, allow } : undefined;
}

/** Nothing is said to be withheld that the backend does not hold back. */
function usualNetwork({
  isolation,
  networkPolicy,
}: Pick<BackendCapabilities, "isolation" | "networkPolicy">): SessionAccess["network"] {
  return isolation !== "none" && networkPolicy ? "listed" : "open";
}

function limitOf(budget: string | undefined): string | undefined {
  return budget?.trim().toLowerCase() === noBudget ? undefined : budget;
}

function unique(entries: readonly string[]): readonly string[] {
  return [...new Set(entries)];
}
