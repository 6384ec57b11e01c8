import { createFakeBackend, describeBackendContract, plantForeignSandbox, type FakeShape } from "../index.ts";

const shapes: readonly FakeShape[] = ["host", "container", "remote"];

for (const shape of shapes) {
  describeBackendContract({
    name: `fake-${shape}`,
    create: (context) => createFakeBackend({ context, shape }),
    samples: { foreign: (name, context) => plantForeignSandbox({ context, shape }, name) },
  });
}
