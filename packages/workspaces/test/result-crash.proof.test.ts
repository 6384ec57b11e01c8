import { expect, it } from "vitest";

import { walkTaking, walkTakingBack } from "./result-walk.ts";

it.each(["merge", "apply"] as const)("%s, cut off at any point, is done or leaves nothing", async (kind) => {
  const deaths = await walkTaking({ kind, step: 1 });
  process.stdout.write(`workspaces: ${kind} cut off at ${String(deaths)} points\n`);
  expect(deaths).toBeGreaterThan(100);
});

it.each(["merge", "apply"] as const)("undo of %s, cut off at any point, goes on", async (kind) => {
  const deaths = await walkTakingBack({ kind, step: 1 });
  process.stdout.write(`workspaces: undo of ${kind} cut off at ${String(deaths)} points\n`);
  expect(deaths).toBeGreaterThan(60);
});
