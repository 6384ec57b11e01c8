import { it } from "vitest";

import { scaled } from "./scaled.ts";
import { undoBringsBack } from "./undo-property.ts";

const WORKSPACES = scaled({ usual: 300, deep: 10_000 });

it(`undo brings ${String(WORKSPACES)} random workspaces back`, async () => {
  const done = await undoBringsBack(WORKSPACES);
  process.stdout.write(`workspaces: ${String(done)} random workspaces deleted and brought back byte for byte\n`);
});
