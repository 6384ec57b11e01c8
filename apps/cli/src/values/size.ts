import { UsageError } from "@clauderon/core/contract";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes of `512m`, `8g`, `1073741824`: as Docker writes a memory limit, in powers of 1024. */
export function parseMemoryLimit(option: string, text: string): number {
  const bytes = /^\d+(?:\.\d+)?(?:[kmgt]b?|b)?$/i.test(text) ? parseSize(option, text) : undefined;
  if (bytes !== undefined) return bytes;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt])i?b?$/i.exec(text) ?? [];
  const meant = amount === undefined ? "512m, 8g" : `${amount}${unit?.toLowerCase() ?? ""}`;
  throw new UsageError({ message: `${option} cannot be "${text}"`, fix: [`write a size: ${option} ${meant}`] });
}

/** Bytes of `512m`, `2g`, `1.5GiB`, `1073741824`. */
function parseSize(option: string, text: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(amount) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError({ message: `${option} cannot be "${text}"`, fix: [`write a size: ${option} 512m, 2g`] });
}
