import { tmpdir } from "node:os";
import { join } from "node:path";

import { createFakeBackend, describeBackendContract, plantForeignSandbox, type FakeShape } from "../index.ts";

// A keeper process starts in a third of the time with the cache.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "clauderon-compile-cache");

/** The whole kit against one shape of the fake. */
export function describeFakeContract(shape: FakeShape, isInProcess: boolean): void {
  describeBackendContract({
    name: `fake-${shape}`,
    create: (context) => createFakeBackend({ context, shape, isInProcess }),
    samples: {
      foreign: (name, context) => plantForeignSandbox({ context, shape }, name),
      failing: (spec) => ({ ...spec, environment: { ...spec.environment, FAKE_BACKEND_FAIL: "as asked" } }),
    },
  });
}
