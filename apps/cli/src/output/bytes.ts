const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** `312 bytes`, `4.0 KiB`, `1.1 GiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? String(amount) : amount.toFixed(1)} ${UNITS[power] ?? ""}`;
}
