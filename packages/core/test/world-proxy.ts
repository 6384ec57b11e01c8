import { randomUUID } from "node:crypto";

import type { ProxyPort } from "../src/engine/engine.ts";
import type { World } from "./engine-world.ts";

/** The proxy of a world: who has an identity, and what it is held to. */
export function worldProxy(world: World, alive: () => void): ProxyPort {
  return {
    check: () => undefined,
    async change({ id, access }) {
      alive();
      if (!world.tokens.has(id)) return false;
      world.policies.set(id, access);
      return true;
    },
    budget: async () => ({ session: { isReached: false }, day: { isReached: false } }),
    async admit({ id, access }) {
      alive();
      world.tokens.set(id, randomUUID());
      world.policies.set(id, access);
      world.used.add(id);
      return { HTTPS_PROXY: world.tokens.get(id) ?? "" };
    },
    async revoke(id, { keepsUse } = {}) {
      alive();
      if (keepsUse !== true) world.used.delete(id);
      world.tokens.delete(id);
      world.policies.delete(id);
    },
    admitted: async () => [...world.tokens.keys()],
    channel: async (id) =>
      world.tokens.has(id) ? { kind: "socket", directory: `/channels/${id}`, proxyPort: 3 } : undefined,
  };
}
