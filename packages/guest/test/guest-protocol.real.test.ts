import { describeHostProtocol } from "@clauderon/terminal/testing";
import { test } from "vitest";

import { buildGuest, hasGo } from "./required-go.ts";
import { runGuest } from "./run-guest.ts";

if (hasGo("the host protocol's suite on the guest")) {
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
} else {
  test.skip("the host protocol: guest", () => undefined);
}
