import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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

const REQUEST_PROBE = `
const { createClient } = await import(process.argv[1]);
const client = createClient({ url: process.argv[2], token: "token" });
const sessions = await client.sessions.list();
const loaded = process.moduleLoadList.filter((name) => /undici|NativeModule crypto$/.test(name));
console.log(JSON.stringify({ sessions, loaded }));
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

it("asks the daemon without loading what is behind fetch", async () => {
  const server = createServer((_request, response) => response.end("[]"));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    const entry = fileURLToPath(new URL("index.ts", import.meta.url));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ["-C", "@clauderon/source", "--input-type=module", "--eval", REQUEST_PROBE, entry, url];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({ sessions: [], loaded: [] });
  } finally {
    server.close();
  }
});
