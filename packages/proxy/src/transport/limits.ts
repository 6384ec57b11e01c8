const second = 1000;
const minute = 60 * second;

/** What a session and a connection may use. */
export interface ProxyLimits {
  /** Of all header lines of a message, the request line included; more is answered 431. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** Of the target in the first line; more is answered 431. */
  readonly requestTargetBytes: number;
  readonly tunnelsPerSession: number;
  readonly requestsPerSession: number;
  /** Connections to one origin for one session; further requests wait their turn. */
  readonly upstreamConnections: number;
  /** From the first byte of a request's head to its last. */
  readonly headMs: number;
  readonly tlsHandshakeMs: number;
  /** Name, TCP and TLS towards the upstream. */
  readonly connectMs: number;
  /** From the end of the request to the head of the answer; models think long. */
  readonly responseHeadMs: number;
  /** A tunnel or an exchange on which nothing moves for so long ends. */
  readonly idleTunnelMs: number;
  /** A client's connection between two requests. */
  readonly idleConnectionMs: number;
  /** Wrong tokens per minute and entry before they are answered 429. Right ones always pass. */
  readonly wrongTokensPerMinute: number;
}

export const defaultLimits: ProxyLimits = {
  headerBytes: 64 * 1024,
  headerCount: 100,
  requestTargetBytes: 8 * 1024,
  tunnelsPerSession: 256,
  requestsPerSession: 256,
  upstreamConnections: 64,
  headMs: 10 * second,
  tlsHandshakeMs: 10 * second,
  connectMs: 20 * second,
  responseHeadMs: 15 * minute,
  idleTunnelMs: 15 * minute,
  idleConnectionMs: 2 * minute,
  wrongTokensPerMinute: 120,
};
