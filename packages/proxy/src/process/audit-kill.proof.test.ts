import { join } from "node:path";

import { isProcessRunning } from "@clauderon/core/host";
import { expect, it } from "vitest";

import { readAuditLog } from "../audit/read-audit-log.ts";
import { answer } from "../transport/testing/recording-upstream.fixture.ts";
import { isWholeAnswer, readUntil, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { openProxyWorld, worldTarget } from "./testing/proxy-world.fixture.ts";

/** How many requests the upstream has seen when the proxy is killed. */
const moments = process.env["CLAUDERON_DEEP"] === "1" ? [1, 2, 3, 7, 20, 55, 148, 403] : [1, 20, 148];

it.each(moments)(
  "P62 killed the moment that request %i reaches the upstream, the proxy has every request in its audit that the upstream saw",
  { timeout: 120_000 },
  async (moment) => {
    await using world = await openProxyWorld();
    const { processId } = await world.client.call("status", {});
    const way = await world.access();
    const seen: string[] = [];
    world.gateway.respond = (connection) => {
      const paths = Array.from(connection.text.matchAll(/^GET (\/\S+) HTTP/gmu), ([, path = ""]) => path);
      connection.text = "";
      seen.push(...paths);
      if (seen.length >= moment) process.kill(processId, "SIGKILL");
      for (const _ of paths) connection.socket.write(answer("ok"));
    };
    const connections = await Promise.all(
      Array.from({ length: Math.min(moment, 16) }, async () => tlsThrough(way, { target: worldTarget })),
    );
    const asking = connections.map(async (tls, index) => {
      // Each answer is listened for anew.
      tls.setMaxListeners(0);
      for (let count = 0; !tls.destroyed; count += 1) {
        const read = readUntil(tls, isWholeAnswer);
        tls.write(`GET /c${index}/${count} HTTP/1.1\r\nHost: api.anthropic.com\r\nX-Api-Key: placeholder\r\n\r\n`);
        if (!isWholeAnswer((await read).text)) return;
      }
    });
    await expect.poll(() => isProcessRunning(processId), { timeout: 60_000 }).toBe(false);
    const records = await Array.fromAsync(readAuditLog(join(world.home, "audit.jsonl")));
    const recorded = new Set(records.map(({ path }) => path));
    expect(seen.filter((path) => !recorded.has(path))).toEqual([]);
    expect(seen.length).toBeGreaterThanOrEqual(moment);
    for (const tls of connections) tls.destroy();
    await Promise.all(asking);
  },
);
