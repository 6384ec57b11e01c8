import type { Settings } from "@clauderon/core";
import type { SessionStore } from "@clauderon/core/contract";

/** Which ports to try, in this order. */
export interface PortChoice {
  readonly ports: readonly number[];
}

/**
 * What was asked for; else the one this home had before; else the default. `0` asks for any free one, preferably the one of before, so that addresses
 * handed out stay good.
 */
export async function choosePort(settings: Settings, store: SessionStore): Promise<PortChoice> {
  const remembered = Number(await store.getFact("port")) || undefined;
  const isChosen = settings.values.some((value) => value.key === "daemon.port" && value.origin.kind !== "default");
  const { port } = settings.daemon;
  if (isChosen && port === 0) return { ports: remembered === undefined ? [0] : [remembered, 0] };
  return { ports: [isChosen ? port : (remembered ?? port)] };
}

export async function rememberPort(port: number, store: SessionStore): Promise<void> {
  if ((await store.getFact("port")) !== String(port)) await store.setFact("port", String(port));
}
