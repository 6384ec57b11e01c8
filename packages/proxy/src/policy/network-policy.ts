import { classifyAddress, isAddressAllowed, type AllowedAddress } from "./address-policy.ts";
import { parseAddress } from "./address.ts";
import { formatAuthority, type Authority } from "./canonical-host.ts";
import { matchesAuthority, parseHostPattern, webPorts, type HostPattern } from "./host-pattern.ts";
import type { AddressRules, NetworkMode, Refusal, SessionPolicy } from "./proxy-types.ts";
import { refuse } from "./refusal.ts";

/** The user's lists for every session, beside those of the session. */
export interface NetworkLists {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Why a host is reached, for `explain`. */
export interface NetworkReason {
  readonly because: "rule" | "allow" | "open";
  /** The rule's id, or the entry as it was written. */
  readonly entry?: string | undefined;
}

/** A session's network policy, made ready once. */
export interface NetworkPolicy {
  readonly addressRules: AddressRules;
  /** `ruleId`: a rule names this host and port. */
  decide(target: Authority, ruleId: string | undefined): NetworkReason | Refusal;
}

/**
 * Names that lead to this machine, its containers or a cloud's metadata. They are refused by name, so that nobody has to be asked what they resolve to.
 * An `allow` entry that names one exactly opens it.
 */
const localNames: readonly HostPattern[] = [
  "localhost",
  "*.localhost",
  "localhost.localdomain",
  "ip6-localhost",
  "ip6-loopback",
  "*.local",
  "host.docker.internal",
  "gateway.docker.internal",
  "kubernetes.docker.internal",
  "host.containers.internal",
  "host.lima.internal",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "instance-data",
  "instance-data.ec2.internal",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "*.cluster.local",
].map((text) => {
  const pattern = parseHostPattern(text);
  if (pattern === undefined) throw new TypeError(`not a host: ${text}`);
  return pattern;
});

/** Makes a session's lists ready. An entry that cannot be read opens nothing; where it denies, everything is refused until it is corrected. */
export function createNetworkPolicy(
  session: Pick<SessionPolicy, "network" | "allow" | "deny" | "isUnconfined">,
  lists: NetworkLists = { allow: [], deny: [] },
): NetworkPolicy {
  const allow = patterns([...lists.allow, ...session.allow]);
  const denyEntries = [...lists.deny, ...session.deny];
  const deny = patterns(denyEntries);
  const unreadable = denyEntries.find((entry) => parseHostPattern(entry) === undefined);
  const isUnconfined = session.network === "open" && session.isUnconfined === true;
  const addressRules: AddressRules = { allowed: addressesOf(allow), denied: addressesOf(deny), isUnconfined };
  const state = { mode: session.network, allow, deny, unreadable, allowed: addressRules.allowed, isUnconfined };
  return { addressRules, decide: remembered((target, ruleId) => decide(state, target, ruleId)) };
}

const rememberedLimit = 1000;

/** The decision depends on nothing that changes, and most requests are for a few hosts. */
function remembered(decideOn: NetworkPolicy["decide"]): NetworkPolicy["decide"] {
  const known = new Map<string, NetworkReason | Refusal>();
  return (target, ruleId) => {
    const key = `${target.host} ${target.port} ${ruleId ?? ""}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const decision = decideOn(target, ruleId);
    if (known.size >= rememberedLimit) known.clear();
    known.set(key, decision);
    return decision;
  };
}

interface NetworkState {
  readonly mode: NetworkMode;
  readonly allow: readonly HostPattern[];
  readonly deny: readonly HostPattern[];
  readonly unreadable: string | undefined;
  readonly allowed: readonly AllowedAddress[];
  readonly isUnconfined: boolean;
}

function decide(state: NetworkState, target: Authority, ruleId: string | undefined): NetworkReason | Refusal {
  const where = formatAuthority(target);
  if (state.unreadable !== undefined) {
    return refuse(403, "policy-unreadable", {
      message: `The session's list of denied hosts has an entry that cannot be read`,
      fix: "write each --deny as HOST, HOST:PORT, *.example.com or an address",
    });
  }
  if (state.mode === "none") {
    return refuse(403, "network-none", {
      message: `The session has no network; ${where} was asked for`,
      fix: "clauderon access NAME --network listed",
    });
  }
  const denial = state.deny.find((pattern) => isDenied(pattern, target));
  if (denial !== undefined) {
    return refuse(403, "host-denied", {
      message: `${where} is denied for this session`,
      fix: "clauderon access NAME --remove ENTRY, or take it out of deny in proxy.toml",
    });
  }
  const entry = state.allow.find((pattern) => matchesAuthority(pattern, target));
  const local = state.isUnconfined ? undefined : localRefusal(state, target, entry);
  if (local !== undefined) return local;
  if (ruleId !== undefined) return { because: "rule", entry: ruleId };
  if (entry !== undefined) return { because: "allow", entry: entry.text };
  if (state.mode === "open" && (state.isUnconfined || webPorts.includes(target.port))) return { because: "open" };
  const isPortTheReason =
    state.mode === "open" || state.allow.some((pattern) => matchesAuthority({ ...pattern, port: target.port }, target));
  return isPortTheReason ? portRefusal(where) : hostRefusal(where);
}

/** A `deny` without a port means every port. */
function isDenied(pattern: HostPattern, target: Authority): boolean {
  return matchesAuthority(pattern.port === undefined ? { ...pattern, port: target.port } : pattern, target);
}

function localRefusal(state: NetworkState, target: Authority, entry: HostPattern | undefined): Refusal | undefined {
  const where = formatAuthority(target);
  const address = parseAddress(target.host);
  if (address === undefined) {
    const isLocal = localNames.some((pattern) => matchesAuthority({ ...pattern, port: target.port }, target));
    const isNamed = entry !== undefined && !entry.isWildcard;
    return isLocal && !isNamed ? addressRefusal(where) : undefined;
  }
  const kind = classifyAddress(address);
  const isOpen = kind === "public" || isAddressAllowed(address, { kind, port: target.port, allowed: state.allowed });
  return isOpen ? undefined : addressRefusal(where);
}

function addressesOf(list: readonly HostPattern[]): readonly AllowedAddress[] {
  return list.flatMap(({ address }) => address ?? []);
}

function patterns(entries: readonly string[]): readonly HostPattern[] {
  return entries.map((entry) => parseHostPattern(entry)).filter((pattern) => pattern !== undefined);
}

function addressRefusal(where: string): Refusal {
  return refuse(403, "address-denied", {
    message: `${where} is this machine, a private network or a metadata service`,
    fix: `name it exactly when the session needs it: clauderon access NAME --allow ${where}`,
  });
}

function portRefusal(where: string): Refusal {
  return refuse(403, "port-not-allowed", {
    message: `The port of ${where} is not allowed`,
    fix: `allow it by name: clauderon access NAME --allow ${where}`,
  });
}

function hostRefusal(where: string): Refusal {
  return refuse(403, "host-not-allowed", {
    message: `${where} is not among the hosts of this session`,
    fix: `allow it: clauderon access NAME --allow ${where}, or --network open`,
  });
}
