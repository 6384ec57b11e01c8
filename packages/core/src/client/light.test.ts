import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, it } from "vitest";

const PROBE = `
import { registerHooks } from "node:module";
const loaded = [];
registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
await import(process.argv[1]);
console.log(JSON.stringify(loaded));
`;

it("is loaded without the engine, the host's tools and what starts programs", async () => {
  const entry = fileURLToPath(new URL("index.ts", import.meta.url));
  const args = ["-C", "@clauderon/source", "--input-type=module", "--eval", PROBE, entry];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const loaded = JSON.parse(stdout) as readonly string[];

  expect(loaded.some((url) => url.endsWith("/client/create-client.ts"))).toBe(true);
  expect(
    loaded.filter((url) =>
      /create-engine|session-service|create-command-runner|\/execa\/|tar-stream|node-pty/.test(url),
    ),
  ).toEqual([]);
});
