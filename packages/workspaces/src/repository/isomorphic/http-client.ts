import { once } from "node:events";
import { Agent as HttpAgent, type IncomingMessage, request as plainRequest } from "node:http";
import { Agent as HttpsAgent, request as secureRequest } from "node:https";

import type { GitHttpRequest, GitHttpResponse, HttpClient } from "isomorphic-git";

import { notWithoutGit } from "../git-needed.ts";
import type { NetworkSettings } from "./network-settings.ts";

const MAX_REDIRECTS = 5;
const SILENCE_MS = 60_000;
/** A received pack is in memory, some of it twice. */
const MAX_BODY_BYTES = 512 * 1024 * 1024;
const agentName = "git/clauderon";

/** Requests of git's smart HTTP. */
export function createHttpClient({ proxy, authorities, headers: added }: NetworkSettings): HttpClient {
  const options = { proxyEnv: { ...proxy }, timeout: SILENCE_MS };
  const agents = { "http:": new HttpAgent(options), "https:": new HttpsAgent({ ...options, ca: authorities }) };
  /** Where the first request was sent on to: the others go there at once, as git does it. */
  let moved: { readonly from: string; readonly to: string } | undefined;

  const ask = async (url: URL, { method, headers, body }: Asked): Promise<IncomingMessage> => {
    const isSecure = url.protocol === "https:";
    const agent = agents[isSecure ? "https:" : "http:"];
    const outgoing = (isSecure ? secureRequest : plainRequest)(url, { method, agent, headers });
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error(`no answer for ${String(SILENCE_MS / 1000)} s`)));
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return response;
  };
  return {
    request: async (given: GitHttpRequest): Promise<GitHttpResponse> => {
      const { method = "GET", headers = {} } = given;
      const chunks: Uint8Array[] = [];
      for await (const chunk of given.body ?? []) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const whole = { "user-agent": agentName, ...added, ...headers };
      let url = new URL(
        moved !== undefined && given.url.startsWith(moved.from)
          ? moved.to + given.url.slice(moved.from.length)
          : given.url,
      );
      let sent: Record<string, string> = whole;
      for (let count = 0; ; count += 1) {
        const length = method === "POST" ? { "content-length": String(body.length) } : {};
        const response = await ask(url, { method, headers: { ...sent, ...length }, body });
        const { statusCode = 0, statusMessage = "", headers: answered } = response;
        const next = statusCode >= 301 && statusCode <= 308 ? answered.location : undefined;
        if (next === undefined) {
          if (method === "GET" && count > 0) moved = movedBy(given.url, url.href);
          return {
            url: url.href,
            method,
            statusCode,
            statusMessage,
            headers: plainHeaders(response),
            body: limited(response),
          };
        }
        response.resume();
        const target = new URL(next, url);
        // A server must not have what was meant for another, nor anybody on the way.
        if (method !== "GET" || count >= MAX_REDIRECTS || !isAllowed(url, target))
          throw new Error(`the server sends on to ${target.origin}, which is refused`);
        if (target.origin !== url.origin) sent = withoutLogin(sent);
        url = target;
      }
    },
  };
}

interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function isAllowed(from: URL, to: URL): boolean {
  return to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");
}

function withoutLogin(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(?:authorization|cookie)$|token/iu.test(name)),
  );
}

const QUESTION = "/info/refs?service=git-upload-pack";

function movedBy(from: string, to: string): { readonly from: string; readonly to: string } | undefined {
  if (!from.endsWith(QUESTION) || !to.endsWith(QUESTION)) return undefined;
  return { from: from.slice(0, -QUESTION.length), to: to.slice(0, -QUESTION.length) };
}

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

async function* limited(response: IncomingMessage): AsyncIterableIterator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      throw notWithoutGit(
        "This repository is too large to be fetched without git",
        `what it receives is held in memory, at most ${String(MAX_BODY_BYTES / 1024 / 1024)} MiB`,
      );
    }
    yield chunk;
  }
}
