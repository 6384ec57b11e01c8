import { describeHostProtocol } from "@clauderon/terminal/testing";
import { describe } from "vitest";

import { buildGuest, hasGo } from "./required-go.ts";
import { runGuest } from "./run-guest.ts";

describe.runIf(hasGo("the host protocol's suite on the guest"))("a guest as a plain process", () => {
  describeHostProtocol({
    name: "guest",
    async start() {
      const built = buildGuest();
      const guest = await runGuest(built.program);
      return {
        key: guest.key,
        workspace: guest.directory,
        connect: () => guest.connect(),
        memoryBytes: async () => guest.memoryBytes(),
        async stop() {
          await guest.stop();
          built[Symbol.dispose]();
        },
      };
    },
  });
});
