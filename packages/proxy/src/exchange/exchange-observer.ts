import type { CredentialRule, ProxyIdentity, ProxyRequest } from "../policy/proxy-types.ts";

/** What an observer is told of the answer. */
export interface ExchangeResponseHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Watches one request and its answer without delaying or changing them. Calls come in order on the data path, so each must be cheap (parse what is there, copy nothing
 * large) and must not throw; chunks are read-only and valid during the call alone.
 */
export interface ExchangeObserver {
  onRequestBody(chunk: Uint8Array): void;
  onResponseHead(head: ExchangeResponseHead): void;
  onResponseBody(chunk: Uint8Array): void;
  /** Once, at the end: whole, or cut. */
  onEnd(outcome: "complete" | "aborted-by-client" | "failed-upstream"): void;
}

export interface ExchangeContext {
  readonly identity: ProxyIdentity;
  readonly request: ProxyRequest;
  readonly rule: CredentialRule | undefined;
  /** It was let in before and is open: the question is whether it may stay. */
  readonly isOpen?: boolean | undefined;
}

/** Makes the observers of an exchange; `undefined` = it is of no interest. */
export type CreateExchangeObserver = (context: ExchangeContext) => ExchangeObserver | undefined;
