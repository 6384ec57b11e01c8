import { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";

import type { Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";

/** Fields that a recipient who merges trailers into the head would act on: framing, routing, control, authentication, content (RFC 9110 §6.5.1). */
const notInTrailers: ReadonlySet<string> = new Set([
  "age",
  "alt-svc",
  "authorization",
  "cache-control",
  "connection",
  "cookie",
  "date",
  "expect",
  "expires",
  "host",
  "keep-alive",
  "location",
  "max-forwards",
  "pragma",
  "range",
  "retry-after",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "www-authenticate",
]);

/** Whether a field of this name means no more behind a body than it says. */
export function isTrailerName(name: string): boolean {
  const lower = name.toLowerCase();
  return !notInTrailers.has(lower) && !/^(?:content-(?!md5$|digest$)|if-|proxy-)/.test(lower);
}

/** Whether fields came behind the body that has ended. */
export function hasTrailers(body: Readable, isMarked?: () => boolean): boolean {
  return body instanceof IncomingMessage ? body.rawTrailers.length > 0 : isMarked?.() === true;
}

/**
 * A request's trailers come when it was decided on and is as good as sent: a credential among them could not be replaced any more. Left out they would change what the
 * client meant, so that it is told.
 */
export const trailersRefused: Refusal = refuse(400, "trailers-refused", {
  message: "The request has trailers, which are not passed on: they come after it was decided on",
  fix: "send these fields as headers",
});
