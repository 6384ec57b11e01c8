import type { Line } from "../tables/http2.fixture.ts";
import type { AttackWorld } from "./attack-world.fixture.ts";

/** What the session that attacks may do. `wide` has everything allowed that an entry can allow. */
export type SessionName = "listed" | "open" | "wide" | "read-only" | "scoped" | "none";

/**
 * Bytes on the wire. `connect`: the target of a CONNECT. `proxy`: bytes to the proxy's own port, where `AUTH` stands for the line of the identity. `tunnel`: bytes inside
 * a tunnel's TLS. `http2`: the lines of a head inside. `TARGET` stands for the tunnel's host.
 */
export interface WireCase {
  readonly what: string;
  readonly way: "connect" | "proxy" | "tunnel" | "http2";
  readonly session?: SessionName;
  /** Of the CONNECT; default: a host with a credential. */
  readonly target?: string;
  /** What TLS asks for; default: the target's host. */
  readonly serverName?: string;
  readonly send?: string;
  readonly lines?: readonly Line[];
  /** The upstream's answer, each part written by itself; default: `200` with `ok`. */
  readonly answer?: readonly (string | Buffer)[];
  /** Set where something may reach the upstream: what of it must not. Absent = no byte may. */
  readonly never?: RegExp;
  /** What the client must see, from its beginning: the status and the refusal's code. `closed` = no answer. */
  readonly sees: string | RegExp;
}

/** What cannot be written as bytes: several connections, times, files. Returns what got through. */
export interface ScenarioCase {
  readonly what: string;
  run(world: AttackWorld): Promise<string | undefined>;
}

export type AttackCase = WireCase | ScenarioCase;

export interface AttackGroup {
  readonly id: string;
  readonly title: string;
  /** What holds. */
  readonly rule: string;
  /** Where the attack is described. */
  readonly source: string;
  /** Why the other proxies are not measured by it. */
  readonly alone?: string;
  readonly cases: readonly AttackCase[];
}

/** How a case is named in reports. */
export function caseId(group: AttackGroup, index: number): string {
  return `${group.id}-${String(index + 1).padStart(2, "0")}`;
}

/** Whether other proxies are measured by the case: it is bytes, and of a session as they know it. */
export function isCompared(group: AttackGroup, attack: AttackCase): attack is WireCase {
  return group.alone === undefined && !("run" in attack) && attack.session !== "none";
}
