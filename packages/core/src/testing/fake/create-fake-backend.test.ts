import { tmpdir } from "node:os";
import { join } from "node:path";

import { createFakeBackend, describeBackendContract, plantForeignSandbox, type FakeShape } from "../index.ts";

// Every sandbox has a keeper process: with the cache it starts in a third of the time.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "clauderon-compile-cache");

const shapes: readonly FakeShape[] = ["host", "container", "remote"];

for (const shape of shapes) {
  describeBackendContract({
    name: `fake-${shape}`,
    create: (context) => createFakeBackend({ context, shape }),
    samples: {
      foreign: (name, context) => plantForeignSandbox({ context, shape }, name),
      failing: (spec) => ({ ...spec, environment: { ...spec.environment, FAKE_BACKEND_FAIL: "as asked" } }),
    },
  });
}
