import type { Clock } from "@clauderon/core/contract";

import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import { refuse } from "../policy/refusal.ts";
import { problemBody, refusalHeader } from "../transport/problem-body.ts";
import type { NotAdmitted } from "../transport/transport-context.ts";

const burstSeconds = 10;
const sessionsAtMost = 1000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket per session: so many requests each second on average, ten times as many at once. */
export class RequestRate {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #buckets = new Map<string, Bucket>();
  #perSecond: number;

  constructor(perSecond: number, clock: Pick<Clock, "monotonicMs">) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  setPerSecond(perSecond: number): void {
    this.#perSecond = perSecond;
  }

  /** What a request is answered that comes too soon. */
  check({ identity, request, isOpen }: ExchangeContext): NotAdmitted | undefined {
    if (isOpen === true) return undefined;
    const bucket = this.#bucketOf(identity.sessionId);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return undefined;
    }
    const refusal = refuse(429, "too-many-requests-per-second", {
      message: `The session sends more than ${this.#perSecond} requests per second`,
      fix: "wait a second, or set requests_per_second in [proxy] of proxy.toml",
    });
    const headers = {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "retry-after": "1",
      [refusalHeader]: refusal.code,
    };
    return { refusal, answer: { status: refusal.status, headers, body: problemBody(refusal, request) } };
  }

  #bucketOf(sessionId: string): Bucket {
    const most = this.#perSecond * burstSeconds;
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(sessionId) ?? { tokens: most, atMs: nowMs };
    bucket.tokens = Math.min(most, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#perSecond);
    bucket.atMs = nowMs;
    // The one that was used last stands last: those in front are full again.
    this.#buckets.delete(sessionId);
    this.#buckets.set(sessionId, bucket);
    const { value: oldest } = this.#buckets.keys().next();
    if (this.#buckets.size > sessionsAtMost && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
