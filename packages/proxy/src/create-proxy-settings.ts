import type { Clock, Logger } from "@clauderon/core/contract";

import type { CreateExchangeObserver } from "./exchange/exchange-observer.ts";
import type { AllowedAddress } from "./policy/address-policy.ts";
import type { PolicyEngine } from "./policy/proxy-types.ts";
import type { WriteRecord } from "./transport/decision-records.ts";
import type { CheckAddresses, CorporateProxy, UpstreamOverride } from "./transport/dial.ts";
import type { ProxyLimits } from "./transport/limits.ts";
import type { ReadSecret, TransportContext } from "./transport/transport-context.ts";

/** Where requests go, and what is trusted there. */
export interface UpstreamSettings {
  /** PEM certificates beside the system's roots. */
  readonly extraCertificates?: readonly string[] | undefined;
  /** The user's own gateways, by the host they stand for. */
  readonly overrides?: ReadonlyMap<string, UpstreamOverride> | undefined;
  /** A proxy of the user's network through which everything leaves. */
  readonly corporateProxy?: CorporateProxy | undefined;
  /** Addresses and ranges beside the public ones, for every session. */
  readonly allowedAddresses?: readonly AllowedAddress[] | undefined;
  /** Ports of this machine that no session reaches, whatever is allowed; the proxy's own are always among them. */
  readonly closedPorts?: readonly number[] | undefined;
  /** Default: the system's resolver. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
  /** Takes the place of the built-in judgement of addresses. */
  readonly checkAddresses?: CheckAddresses | undefined;
}

export interface CreateProxySettings {
  /** The authority's key and certificate, 0600; its directory is 0700. Made when there is none. */
  readonly authorityPath: string;
  /** Written at the start: our certificate, the system's roots, the extra ones. */
  readonly bundlePath: string;
  /** The same as PKCS#12, for Java. */
  readonly trustStorePath?: string | undefined;
  readonly policy: PolicyEngine;
  readonly readSecret: ReadSecret;
  readonly writeRecord: WriteRecord;
  /**
   * Writes what `writeRecord` took and holds back: called once for all that was decided in a turn of the event loop, before any of it happens. Throws when it cannot;
   * then none of it happens. Absent = `writeRecord` holds nothing back.
   */
  readonly flushRecords?: (() => void) | undefined;
  readonly upstream?: UpstreamSettings | undefined;
  readonly observers?: readonly CreateExchangeObserver[] | undefined;
  readonly admit?: TransportContext["admit"] | undefined;
  /** Judges the body of a request whose verdict asks for it (read-only GraphQL). Without it such requests are refused. */
  readonly checkBody?: TransportContext["checkBody"] | undefined;
  readonly limits?: Partial<ProxyLimits> | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
}
