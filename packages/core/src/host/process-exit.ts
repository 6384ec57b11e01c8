import { constants } from "node:os";

import type { ProcessExit } from "../contract/process.ts";

/** How a child ended, from what Node (a name) or a terminal (a number, 0 for none) say of the signal. */
export function processExit(
  code: number | null,
  signal: NodeJS.Signals | number | null | undefined,
  isTimedOut = false,
): ProcessExit {
  const found = Object.entries(constants.signals).find(([name, number]) => name === signal || number === signal);
  if (found === undefined) return { exitCode: code ?? 1, isTimedOut };
  return { exitCode: 128 + found[1], signal: found[0], isTimedOut };
}
