/** What each of the limits of a sandbox looks like, after "expected". */
export const limitForms = {
  cpu: "a number of processors from 0.01, as in 4 or 0.5",
  memory: "a size of at least 6m, as in 512m, 8g, or bytes",
  processes: "a whole number from 32, as in 1024",
} as const;

const minimumCpus = 0.01;
/** Engines refuse less. */
const minimumMemoryBytes = 6 * 1024 ** 2;
/** The guest alone has a dozen threads, and each counts. */
const minimumProcesses = 32;
const units: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `undefined` for what is no such limit. */
export function readCpuLimit(text: string): number | undefined {
  const value = /^\d{1,6}(?:\.\d{1,9})?$/u.test(text) ? Number(text) : Number.NaN;
  return value >= minimumCpus ? value : undefined;
}

/** Bytes; `undefined` for what is no such limit. Units are those of Docker: `k m g t`, with or without `b`, in powers of 1024. */
export function readMemoryLimit(text: string): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,16}(?:\.\d{1,6})?)(?:([kmgt])b?|b)?$/iu.exec(text) ?? [];
  const bytes = Math.floor(Number(amount) * (units[unit.toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) && bytes >= minimumMemoryBytes ? bytes : undefined;
}

/** `undefined` for what is no such limit. */
export function readProcessLimit(text: string): number | undefined {
  const value = /^\d{1,7}$/u.test(text) ? Number(text) : Number.NaN;
  return value >= minimumProcesses ? value : undefined;
}
