import { expect, it } from "vitest";

import { walkTaking, walkTakingBack } from "./result-walk.ts";
import { scaled } from "./scaled.ts";

const STEP = scaled({ usual: 7, deep: 1 });

it.each(["merge", "apply"] as const)("%s, cut off, is done or leaves nothing", async (kind) => {
  const deaths = await walkTaking({ kind, step: STEP });
  process.stdout.write(`workspaces: ${kind} cut off at ${String(deaths)} points\n`);
  expect(deaths * STEP).toBeGreaterThan(100);
});

it.each(["merge", "apply"] as const)("undo of %s, cut off, goes on", async (kind) => {
  const deaths = await walkTakingBack({ kind, step: STEP });
  process.stdout.write(`workspaces: undo of ${kind} cut off at ${String(deaths)} points\n`);
  expect(deaths * STEP).toBeGreaterThan(60);
});
