import type { Transform } from "node:stream";
import { createGunzip } from "node:zlib";

/**
 * Takes the content encoding off a push: what was judged is what is sent, so the decoded bytes go upstream, without `Content-Encoding` and
 * `Content-Length`. git itself uses gzip alone. `undefined` = the encoding is unknown and the push must be refused with 415.
 */
export function pushRequestDecoder(contentEncoding: string | undefined): Transform | "identity" | undefined {
  const encoding = (contentEncoding ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return "identity";
  return encoding === "gzip" || encoding === "x-gzip" ? createGunzip() : undefined;
}
