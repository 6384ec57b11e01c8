import { healthSchema, type Health } from "../wire/daemon-schema.ts";
import { parseJson } from "../wire/parse-json.ts";
import { exchange } from "./http-exchange.ts";

/** On a machine with too much to do an answer may take seconds; where nobody listens, no time passes. */
const DEADLINE_MS = 5000;

/** Who answers at the address; `undefined` when nobody does, or nobody of ours. */
export async function askHealth(url: string, signal?: AbortSignal): Promise<Health | undefined> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await exchange(new URL("/healthz", url), {
      method: "GET",
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    return parseJson(await response.text(), healthSchema);
  } catch {
    signal?.throwIfAborted();
    // Nobody, or something else that speaks HTTP.
    return undefined;
  }
}
