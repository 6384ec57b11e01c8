import { randomUUID } from "node:crypto";

import { KeeperServer } from "./keeper-server.ts";
import { KEPT_OUTPUT_BYTES, type StartedKeeper, type StartKeeperOptions } from "./start-keeper.ts";

/** Like `startKeeper`, but the keeper lives in this process: it costs no start of a process, and ends with this one. */
export async function startKeeperHere(options: StartKeeperOptions): Promise<StartedKeeper> {
  const token = randomUUID();
  const keptOutputBytes = options.keptOutputBytes ?? KEPT_OUTPUT_BYTES;
  const server = new KeeperServer({ ...options, keptOutputBytes, token }, () => server.close());
  const port = await server.listen();
  let isReleased = false;
  return {
    address: { processId: process.pid, port, token },
    release() {
      isReleased = true;
      server.watch();
    },
    [Symbol.dispose]() {
      if (!isReleased) server.close();
    },
  };
}
