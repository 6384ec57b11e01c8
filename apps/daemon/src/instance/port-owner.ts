import { describePortHolder, findPortHolder } from "@clauderon/core/host";

import { askHealth } from "./ask-health.ts";

/** Who uses a port of this machine, as far as can be told. */
export interface PortOwner {
  readonly pid?: number | undefined;
  readonly program?: string | undefined;
  /** False: a connection that will end; its process is not to be ended for it. */
  readonly isListening: boolean;
  /** In words: `process 4711 (node) listens there`. */
  readonly text: string;
}

/** Looks at `/proc` where there is one; processes of other users stay nameless. Never rejects. */
export async function findPortOwner(port: number): Promise<PortOwner> {
  const [health, holder] = await Promise.all([askHealth(`http://127.0.0.1:${port}`), findPortHolder(port)]);
  const isListening = health !== undefined || holder?.isListening !== false;
  if (health === undefined)
    return { pid: holder?.processId, program: holder?.program, isListening, text: describePortHolder(holder) };
  const program = health.pid === holder?.processId ? holder.program : undefined;
  const name = program === undefined ? "" : ` (${program})`;
  const text = `process ${health.pid}${name}, the daemon of another clauderon home, listens there`;
  return { pid: health.pid, program, isListening, text };
}
