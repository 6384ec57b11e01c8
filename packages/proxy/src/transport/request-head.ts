import type { ProxyHeader, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import type { ClientRequest } from "./client-message.ts";
import type { ProxyLimits } from "./limits.ts";

/** What the header lines of a request say about the message itself; read from the lines as received, because Node merges and drops in its own table. */
export interface RequestHead {
  readonly headers: readonly ProxyHeader[];
  /** Lower-case names, in the order of `headers`. */
  readonly names: readonly string[];
  /** Lower-case names that `Connection` lists. */
  readonly connectionOptions: readonly string[];
  readonly hasBody: boolean;
  readonly contentLength: number | undefined;
  readonly acceptsTrailers: boolean;
  readonly upgrade: string | undefined;
  readonly contentEncoding: string | undefined;
}

const digits = /^\d{1,15}$/u;

/** Reads the head, or says why the message could be understood in two ways (request smuggling) or is too large. */
export function readRequestHead(request: ClientRequest, limits: ProxyLimits): RequestHead | Refusal {
  const { rawHeaders, httpVersion } = request;
  // Node's parser also takes 0.9 and 2.0 in a request line.
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return ambiguous("its version");
  if (rawHeaders.length / 2 > limits.headerCount) return tooLarge(`more than ${limits.headerCount} header lines`);
  if ((request.url ?? "").length > limits.requestTargetBytes)
    return tooLarge(`a target of more than ${limits.requestTargetBytes} bytes`);
  const headers: ProxyHeader[] = [];
  const names: string[] = [];
  const connectionOptions: string[] = [];
  let contentLength: number | undefined;
  let isChunked = false;
  let acceptsTrailers = false;
  let upgrade: string | undefined;
  let contentEncoding: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    const value = rawHeaders[index + 1] ?? "";
    headers.push({ name: rawHeaders[index] ?? "", value });
    names.push(name);
    switch (name) {
      case "content-length": {
        if (contentLength !== undefined || !digits.test(value)) return ambiguous("its Content-Length");
        contentLength = Number(value);
        break;
      }
      case "transfer-encoding": {
        if (isChunked || value.toLowerCase() !== "chunked" || request.httpVersionMinor === 0)
          return ambiguous("its Transfer-Encoding");
        isChunked = true;
        break;
      }
      case "connection": {
        connectionOptions.push(...listOf(value));
        break;
      }
      case "te": {
        acceptsTrailers = listOf(value).includes("trailers");
        break;
      }
      case "upgrade": {
        if (upgrade !== undefined) return ambiguous("its Upgrade");
        upgrade = value.toLowerCase();
        break;
      }
      case "content-encoding": {
        contentEncoding = contentEncoding === undefined ? value : `${contentEncoding},${value}`;
        break;
      }
      default:
    }
  }
  if (isChunked && contentLength !== undefined) return ambiguous("its length, given twice");
  return {
    headers,
    names,
    connectionOptions,
    hasBody: isChunked || (contentLength ?? 0) > 0,
    contentLength: isChunked ? undefined : contentLength,
    acceptsTrailers,
    upgrade,
    contentEncoding,
  };
}

function listOf(value: string): readonly string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((option) => option.trim())
    .filter((option) => option !== "");
}

/** Values of a header, given its lower-case name. */
export function valuesOf(head: RequestHead, name: string): readonly string[] {
  return head.headers.filter((_, index) => head.names[index] === name).map(({ value }) => value);
}

function ambiguous(what: string): Refusal {
  return refuse(400, "message-ambiguous", {
    message: `The request can be read in more than one way: ${what}`,
    fix: "send HTTP/1.1 with one Content-Length or Transfer-Encoding: chunked, never both",
  });
}

function tooLarge(what: string): Refusal {
  return refuse(431, "head-too-large", {
    message: `The request's head is too large: ${what}`,
    fix: "send fewer or shorter headers",
  });
}
