import type { ProxyTarget } from "../policy/proxy-types.ts";
import { UpstreamOrigin, type Upstream, type UpstreamOriginOptions } from "./upstream-origin.ts";

const mostOrigins = 200;

/**
 * Connections to origins, of one session under one policy: a change of the policy makes new pools, so that no connection outlives the check that allowed it, and no
 * session can use up another's.
 */
export class UpstreamPools {
  readonly #options: UpstreamOriginOptions;
  readonly #origins = new Map<string, UpstreamOrigin>();

  constructor(options: UpstreamOriginOptions) {
    this.#options = options;
  }

  get(target: ProxyTarget, { isHttp2 }: { readonly isHttp2: boolean }): Upstream {
    const origin = this.#originOf(target);
    return isHttp2 ? origin.http2 : origin.http1;
  }

  /** Whether clients of the target can be offered HTTP/2. */
  async speaksHttp2(target: ProxyTarget): Promise<boolean> {
    return this.#originOf(target).speaksHttp2();
  }

  #originOf(target: ProxyTarget): UpstreamOrigin {
    const key = `${target.scheme}:${target.host}:${target.port}`;
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const made = new UpstreamOrigin(target, this.#options);
    this.#origins.set(key, made);
    if (this.#origins.size > mostOrigins) {
      const [oldest] = this.#origins;
      if (oldest !== undefined) {
        this.#origins.delete(oldest[0]);
        oldest[1].close();
      }
    }
    return made;
  }

  /** Lets what is in flight end. */
  close(): void {
    for (const origin of this.#origins.values()) origin.close();
    this.#origins.clear();
  }

  /** Cuts what is in flight. */
  destroy(reason: Error): void {
    for (const origin of this.#origins.values()) origin.destroy(reason);
    this.#origins.clear();
  }
}
