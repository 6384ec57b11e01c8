import { Agent as HttpAgent, request as requestHttp, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";

/** Sends JSON and gives the status and text of the answer. */
export type PostJson = (url: string, body: unknown) => Promise<{ readonly status: number; readonly text: string }>;

/** The way out of this machine, as the settings of the proxy say. */
export interface WayOut {
  /** Origins that stand in for a host, by its name. */
  readonly origins: Readonly<Record<string, string>>;
  /** `http://[USER:PASSWORD@]HOST:PORT`; asked for everything that no origin stands in for. */
  readonly proxyUrl?: string | undefined;
  /** PEM. */
  readonly authorities: readonly string[];
}

const timeoutMs = 15_000;

/** Posts by the way that requests of sessions take; no redirects, no second try. */
export function createPostJson(wayOut: () => Promise<WayOut>): PostJson {
  return async (given, body) => {
    const { origins, proxyUrl, authorities } = await wayOut();
    const url = new URL(given);
    const origin = origins[url.hostname];
    const target = origin === undefined ? url : new URL(`${url.pathname}${url.search}`, origin);
    const isSecure = target.protocol === "https:";
    const proxyEnv = proxyUrl === undefined || origin !== undefined ? {} : { HTTPS_PROXY: proxyUrl };
    const agent = isSecure ? new HttpsAgent({ ca: [...authorities], proxyEnv }) : new HttpAgent();
    const payload = JSON.stringify(body);
    const options: RequestOptions = {
      agent,
      method: "POST",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(payload) },
      signal: AbortSignal.timeout(timeoutMs),
    };
    try {
      const response = await new Promise<IncomingMessage>((fulfil, fail) => {
        const outgoing = isSecure ? requestHttps(target, options, fulfil) : requestHttp(target, options, fulfil);
        outgoing.on("error", fail).end(payload);
      });
      return { status: response.statusCode ?? 0, text: await text(response) };
    } finally {
      agent.destroy();
    }
  };
}
