import type { HostInfo } from "./host-protocol.ts";

/** What a guest tells of itself. */
export interface GuestInfo extends HostInfo {
  /** Version of its program. */
  readonly guest: string;
}

/** A hook's word, which is the word of whoever runs in the sandbox. */
export interface GuestReport {
  /** Rises from 1 by 1 and begins again with the guest. */
  readonly sequence: number;
  readonly at: Date;
  /** Letters, digits and `_ . -`, at most 64 characters. */
  readonly event: string;
  /** At most 64 members, 32 KiB as JSON, 32 levels. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Names of members that were too large to come along. */
  readonly omitted: readonly string[];
}

export interface GuestReports {
  /** In order, the oldest first. */
  readonly reports: readonly GuestReport[];
  /** How many came after the sequence asked for and are no longer kept. */
  readonly lost: number;
}

/** `reached` and `refused`: something answered. `unreachable`: no way leads there. `silent`: nothing answered in time. */
export type EgressOutcome = "reached" | "refused" | "unreachable" | "silent" | "failed";

export interface EgressResult {
  /** As it was asked: `tcp:HOST:PORT`, `udp:HOST:PORT` or `dns:NAME`. */
  readonly target: string;
  readonly outcome: EgressOutcome;
  readonly detail?: string | undefined;
  readonly elapsedMs: number;
}

/** What a guest found when it tried to get out. It is evidence as far as the guest is believed. */
export interface EgressProbe {
  readonly at: Date;
  readonly interfaces: readonly {
    readonly name: string;
    readonly isLoopback: boolean;
    readonly isUp: boolean;
    readonly addresses: readonly string[];
  }[];
  /** One for each target, in the order asked. */
  readonly results: readonly EgressResult[];
}

/** Upper bounds that a guest keeps to. */
export const guestLimits = {
  reports: 256,
  reportBytes: 32_768,
  payloadMembers: 64,
  payloadDepth: 32,
  omitted: 64,
  targets: 64,
  interfaces: 1024,
  addresses: 1024,
  probeMs: 10_000,
} as const;
