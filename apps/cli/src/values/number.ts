import { UsageError } from "@clauderon/core/contract";

/** A whole number ≥ 0. */
export function parseCount(option: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new UsageError({ message: `${option} cannot be "${text}"`, fix: [`write a whole number: ${option} 100`] });
}

/** A number > 0, whole or not. */
export function parsePositive(option: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError({ message: `${option} cannot be "${text}"`, fix: [`write a number: ${option} 2`] });
}
