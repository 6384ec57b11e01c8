import { UsageError } from "@clauderon/core/contract";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 2_147_483_647;

/** `500ms`, `10s`, `5m`, `2h`, `1d`; a bare number is seconds. */
export function parseDuration(option: string, text: string): number {
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Math.round(Number(amount) * (UNIT_MS[unit] ?? Number.NaN));
  if (Number.isFinite(ms) && ms <= LONGEST_MS) return ms;
  throw new UsageError({
    message: `${option} cannot be "${text}"`,
    why: Number.isFinite(ms) ? "the longest duration is 24d" : undefined,
    fix: [`write a number and a unit: ${option} 500ms, 10s, 5m, 2h`],
  });
}
