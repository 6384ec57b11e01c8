import { createSecureContext } from "node:tls";

import { systemRoots } from "./certificates/ca-bundle.ts";
import type { CreateProxySettings, UpstreamSettings } from "./create-proxy-settings.ts";
import { createAddressPolicy } from "./policy/address-policy.ts";
import type { PolicyEngine } from "./policy/proxy-types.ts";
import { createDialer, type Dialer } from "./transport/dial.ts";
import { defaultLimits } from "./transport/limits.ts";

/** The way out as the settings describe it, which may change while connections are open. */
export class UpstreamRoute {
  /** Always dials by the settings of the moment. */
  readonly dialer: Dialer = {
    connect: async (target, identity, options) => this.#current.dialer.connect(target, identity, options),
    connectTls: async (target, identity, options) => this.#current.dialer.connectTls(target, identity, options),
    overrideOf: (target) => this.#current.dialer.overrideOf(target),
  };
  readonly #settings: CreateProxySettings;
  readonly #engine: () => PolicyEngine;
  readonly #ownPorts: () => readonly number[];
  #current: { readonly dialer: Dialer; readonly roots: readonly string[] };

  constructor(settings: CreateProxySettings, engine: () => PolicyEngine, ownPorts: () => readonly number[]) {
    this.#settings = settings;
    this.#engine = engine;
    this.#ownPorts = ownPorts;
    this.#current = this.#make(settings.upstream ?? {});
  }

  /** What upstreams are verified with. */
  get roots(): readonly string[] {
    return this.#current.roots;
  }

  use(upstream: UpstreamSettings): void {
    this.#current = this.#make(upstream);
  }

  #make(upstream: UpstreamSettings): { readonly dialer: Dialer; readonly roots: readonly string[] } {
    const roots = [...systemRoots(), ...(upstream.extraCertificates ?? [])];
    const closedPorts = (): readonly number[] => [...(upstream.closedPorts ?? []), ...this.#ownPorts()];
    const addresses = createAddressPolicy({ allowed: upstream.allowedAddresses ?? [], closedPorts });
    const dialer = createDialer({
      checkAddresses:
        upstream.checkAddresses ??
        ((names, { target, identity }) =>
          addresses.checkAll(names, { port: target.port, ...this.#engine().addressRules(identity) })),
      secureContext: createSecureContext({ ca: roots }),
      connectMs: this.#settings.limits?.connectMs ?? defaultLimits.connectMs,
      resolve: upstream.resolve,
      overrides: upstream.overrides,
      corporateProxy: upstream.corporateProxy,
    });
    return { dialer, roots };
  }
}
