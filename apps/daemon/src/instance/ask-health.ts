import { request } from "node:http";

import { healthSchema, parseJson, type Health } from "@clauderon/core/wire";

const DEADLINE_MS = 1000;

/** Who answers at the address; `undefined` when nobody does, or nobody of ours. */
export function askHealth(url: string): Promise<Health | undefined> {
  const { promise, resolve } = Promise.withResolvers<Health | undefined>();
  const asking = request(new URL("/healthz", url), { timeout: DEADLINE_MS, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
      if (text.length > 4096) asking.destroy();
    });
    response.on("end", () => {
      try {
        resolve(parseJson(text, healthSchema));
      } catch {
        // Something else speaks HTTP there.
        resolve(undefined);
      }
    });
    response.on("close", () => resolve(undefined));
  });
  asking.on("timeout", () => asking.destroy());
  asking.on("error", () => resolve(undefined));
  asking.end();
  return promise;
}
