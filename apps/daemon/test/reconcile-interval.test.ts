import { expect, test } from "vitest";

import { openRig } from "./daemon-rig.ts";

test("reconciles at the start, again and again, never two at once", async () => {
  const counts = { recoveries: 0, started: 0, running: 0, atOnce: 0 };
  const third = Promise.withResolvers<void>();
  const rig = await openRig(undefined, {
    reconcileMs: 5,
    watchEngine: (engine) =>
      new Proxy(engine, {
        get(target, name) {
          if (name === "recover") {
            counts.recoveries += 1;
            return target.recover.bind(target);
          }
          if (name !== "reconcile") {
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? (value as () => unknown).bind(target) : value;
          }
          return async (...given: Parameters<typeof target.reconcile>) => {
            counts.started += 1;
            counts.running += 1;
            counts.atOnce = Math.max(counts.atOnce, counts.running);
            try {
              return await target.reconcile(...given);
            } finally {
              counts.running -= 1;
              if (counts.started === 3) third.resolve();
            }
          };
        },
      }),
  });
  await third.promise;
  await rig.close();

  expect(counts).toMatchObject({ recoveries: 1, atOnce: 1 });
});
