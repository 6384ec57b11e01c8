import { createRedactor, type Redactor } from "../redact/create-redactor.ts";
import type { TransportContext } from "./transport-context.ts";

const capacity = 64;

/** Redactors by what they look for: made once per secret, because that costs more than a request. */
export function createRedactorCache(): TransportContext["redactorOf"] {
  const redactors = new Map<string, Redactor>();
  return (value, placeholder) => {
    const key = `${placeholder}\0${value}`;
    const known = redactors.get(key);
    if (known !== undefined) return known;
    const made = createRedactor([{ value, placeholder }]);
    redactors.set(key, made);
    // Secrets that were replaced do not stay in memory for ever.
    const [oldest] = redactors.keys();
    if (redactors.size > capacity && oldest !== undefined) redactors.delete(oldest);
    return made;
  };
}
