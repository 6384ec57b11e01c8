import { it } from "vitest";

import { scaled } from "./scaled.ts";
import { undoBringsBack } from "./undo-property.ts";

const RUNS = scaled({ usual: 300, deep: 10_000 });

it(`undo brings ${String(RUNS)} random workspaces back`, async () => {
  await undoBringsBack(RUNS);
  process.stdout.write(`workspaces: ${String(RUNS)} random workspaces deleted and brought back byte for byte\n`);
});
