/** Where a client finds an arm, and what it needs there. */
export interface ArmPlace {
  readonly port: number;
  /** What the client trusts for the hosts behind it. */
  readonly ca: string;
  /** `Proxy-Authorization`, where the arm wants one. */
  readonly authorization?: string | undefined;
  /** Of all its sessions. */
  readonly authorizations?: readonly string[] | undefined;
}

export interface UpstreamPlace {
  readonly port: number;
  readonly keyPath: string;
  readonly certificatePath: string;
}

export const armNames = [
  "direct",
  "blind",
  "bare-interception",
  "tunnel",
  "intercept",
  "intercept-unwatched",
  "mockttp",
  "http-mitm-proxy",
] as const;

/** `blind`: a bare CONNECT proxy; `bare-interception`: TLS both ways and nothing else; `tunnel`, `intercept`: ours; `intercept-unwatched`: ours without audit and tap. */
export type ArmName = (typeof armNames)[number];

/** Every host below it is served by the upstream, and ruled by the arms that put a credential in. */
export const benchDomain = "bench.test";
export const benchHost = `api.${benchDomain}`;
export const benchSecret = "bench-REAL-SECRET-5f7c1d94e2";
export const benchPlaceholder = "clauderon-bench-placeholder";

/** What a measured process is asked over its channel, and what it tells. */
export interface ProcessFacts {
  readonly cpuMicroseconds: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  /** Longest stall of the event loop since the last question. */
  readonly stallMs: number;
}
