import type { SessionWord } from "@clauderon/core/contract";

const table: Readonly<Record<SessionWord, true>> = {
  creating: true,
  running: true,
  working: true,
  waiting: true,
  done: true,
  idle: true,
  hibernated: true,
  stopped: true,
  failed: true,
  deleting: true,
  archived: true,
};

/** Every word that a state can be printed as. */
export const sessionWords: readonly string[] = Object.keys(table);
