const UNITS = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "m", ms: 60_000 },
] as const;

/** `5s`, `12m`, `3h`, `4d`; a time in the future (a clock that was set back) is `0s`. */
export function formatAge(since: string, now: number): string {
  const ms = Math.max(0, now - Date.parse(since));
  for (const unit of UNITS) {
    if (ms >= unit.ms) return `${Math.floor(ms / unit.ms)}${unit.name}`;
  }
  return `${Math.floor(ms / 1000)}s`;
}
