import { fieldsOf } from "./http1-answer.ts";

/** A request's head that can be read in one way alone. */
export interface PlainRequestHead {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn. */
  readonly rawHeaders: string[];
  readonly bodyBytes: number;
}

/** Stricter than RFC 9112: the methods of APIs, the path as it stands in a request inside a tunnel, version 1.1, no folded lines, no lone line feeds, no control characters. */
const plainPattern =
  // oxlint-disable-next-line no-control-regex -- the tab is the one control character that a field may hold
  /^(?:GET|POST|PUT|PATCH|DELETE) \/[!-~]* HTTP\/1\.1(?:\r\n[\w!#$%&'*+.^`|~-]+:[\t -~\u0080-\u00ff]*)+$/;
const sizePattern = /^\d{1,15}$/;

/** What changes how a message or its connection is read. */
const framingNames: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const framingLengths: ReadonlySet<number> = new Set([...framingNames].map((name) => name.length));

/** Reads nearly every request that clients send. `undefined` = it is something else, or nothing that is a request: Node's own parser says which. */
export function readPlainRequestHead(text: string): PlainRequestHead | undefined {
  if (!plainPattern.test(text)) return undefined;
  const lineEnd = text.indexOf("\r\n");
  const rawHeaders = fieldsOf(text, lineEnd + 2);
  let size: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (!framingLengths.has(name.length)) continue;
    const lower = name.toLowerCase();
    if (!framingNames.has(lower)) continue;
    const value = rawHeaders[index + 1] ?? "";
    if (lower === "connection") {
      if (value.toLowerCase() !== "keep-alive") return undefined;
    } else if (lower !== "content-length" || size !== undefined || !sizePattern.test(value)) return undefined;
    else size = value;
  }
  const methodEnd = text.indexOf(" ");
  return {
    method: text.slice(0, methodEnd),
    url: text.slice(methodEnd + 1, lineEnd - " HTTP/1.1".length),
    rawHeaders,
    bodyBytes: size === undefined ? 0 : Number(size),
  };
}
