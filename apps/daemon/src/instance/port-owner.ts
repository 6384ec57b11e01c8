import { describePortHolder, findPortHolder, portHolderHint } from "@clauderon/core/host";

import { askHealth } from "./ask-health.ts";

/** Where a server could not listen. */
export interface TakenPlace {
  readonly port: number;
  readonly host: "127.0.0.1" | "::1";
}

/** Who uses a port of this machine, as far as can be told. */
export interface PortOwner {
  readonly pid?: number | undefined;
  readonly program?: string | undefined;
  /** False: a connection that will end; its process is not to be ended for it. */
  readonly isListening: boolean;
  /** A daemon or a proxy of clauderon's, which serves another home: it is not to be ended either. */
  readonly isClauderon: boolean;
  /** In words: `process 4711 (node) listens there`. */
  readonly text: string;
  /** The command that tells more, where this process cannot. */
  readonly hint?: string | undefined;
}

/** Looks at `/proc` where there is one; processes of other users stay nameless. Never rejects. */
export async function findPortOwner({ port, host }: TakenPlace): Promise<PortOwner> {
  const url = `http://${host === "::1" ? "[::1]" : host}:${port}`;
  const [health, holder] = await Promise.all([askHealth(url), findPortHolder(port, { address: host })]);
  const isListening = health !== undefined || holder?.isListening !== false;
  if (health === undefined)
    return {
      pid: holder?.processId,
      program: holder?.program,
      isListening,
      isClauderon: holder?.home !== undefined,
      text: describePortHolder(holder),
      hint: portHolderHint(port, holder),
    };
  const known = health.pid === holder?.processId ? holder : undefined;
  const name = known?.program === undefined ? "" : ` (${known.program})`;
  const home = known?.home === undefined ? "" : `, ${known.home}`;
  const text = `process ${health.pid}${name}, the daemon of another clauderon home${home}, listens there`;
  return { pid: health.pid, program: known?.program, isListening, isClauderon: true, text };
}
