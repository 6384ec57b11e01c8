import type { Clock, Logger } from "@clauderon/core/contract";

import type { CreateExchangeObserver, ExchangeContext } from "../exchange/exchange-observer.ts";
import type { BodyCheck, PolicyEngine, Refusal } from "../policy/proxy-types.ts";
import type { Redactor } from "../redact/create-redactor.ts";
import type { DecisionRecords } from "./decision-records.ts";
import type { Dialer } from "./dial.ts";
import type { ProxyLimits } from "./limits.ts";

/** The value behind a secret's name, or nothing; rejects when there is one that cannot be used. A value that is at hand need not be waited for. */
export type ReadSecret = (name: string) => Promise<string | undefined> | string | undefined;

/** An answer that the proxy gives itself. */
export interface LocalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** A request that is not sent, and what the client reads in place of its answer. */
export interface NotAdmitted {
  /** Absent = the answer is as good as the upstream's. */
  readonly refusal?: Refusal | undefined;
  readonly answer: LocalAnswer;
}

/** What all connections share. The engine is read once per decision, so that no request sees two. */
export interface TransportContext {
  readonly engine: () => PolicyEngine;
  readonly readSecret: ReadSecret;
  readonly records: DecisionRecords;
  readonly dialer: Dialer;
  readonly limits: ProxyLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: readonly CreateExchangeObserver[];
  /** Asked before a request goes out; an answer takes its place (a spent budget, a login that the proxy keeps). */
  readonly admit: (context: ExchangeContext) => NotAdmitted | undefined;
  /** Finds a secret in answers, in every form it may come back in. */
  readonly redactorOf: (secret: string, placeholder: string) => Redactor;
  readonly checkBody: (kind: BodyCheck["kind"], body: Uint8Array) => Refusal | undefined;
}
