import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { basic, openPolicy, tlsThrough } from "../transport/testing/test-proxy.fixture.ts";
import { openProxyWorld, worldTarget, type ProxyWorld } from "./testing/proxy-world.fixture.ts";

type Way = Parameters<typeof tlsThrough>[0];

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu;
let world: ProxyWorld;

beforeEach(async () => {
  world = await openProxyWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** Whether a client that read what it trusts at its start takes what it is shown. */
async function isTrusted(way: Way): Promise<boolean> {
  try {
    const tls = await tlsThrough(way, { target: worldTarget });
    tls.destroy();
    return true;
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toMatch(/UNABLE_TO_|SELF_SIGNED/u);
    return false;
  }
}

async function ours(): Promise<number> {
  const names = (await readFile(join(world.home, "proxy", "authority.pem"), "utf8")).match(/BEGIN CERTIFICATE/gu);
  return names?.length ?? 0;
}

describe("B4 a new authority", () => {
  it("is for new sessions; those that run keep theirs, over a restart too, until the last of them is gone", async () => {
    const before = await world.access("s1");
    await world.client.call("rotateAuthority", {});
    const after = await world.access("s2");
    expect(await ours()).toBe(2);
    // s1 read the bundle before there was another authority; s2 read one that holds both.
    const crossed = { ...after, ca: before.ca };
    expect([await isTrusted(before), await isTrusted(after), await isTrusted(crossed)]).toEqual([true, true, false]);
    const { processId } = await world.client.call("status", {});
    process.kill(processId, "SIGKILL");
    await world.client.ended;
    await using again = await world.start();
    expect([await isTrusted(before), await isTrusted(after), await isTrusted(crossed)]).toEqual([true, true, false]);

    await again.call("remove", { sessionId: "s1" });
    expect(await ours()).toBe(1);
    const { bundlePath } = await again.call("status", {});
    const now = await readFile(bundlePath, "utf8");
    expect(now.includes(before.ca.slice(0, before.ca.indexOf("-----END")))).toBe(false);
    expect(await isTrusted({ ...after, ca: now })).toBe(true);
    // A session that is started anew trusts what it reads then.
    const { token } = await again.call("add", { identity: { sessionId: "s1", sessionName: "s1", policy: openPolicy } });
    expect(await isTrusted({ ...after, authorization: basic("s1", token), ca: now })).toBe(true);
  });

  it("stands alone also when the last session of the old one is ended twice at once", async () => {
    await world.access("s1");
    await world.client.call("rotateAuthority", {});
    const removed = await Promise.all([1, 2].map(async () => world.client.call("remove", { sessionId: "s1" })));
    expect(removed.filter(Boolean)).toHaveLength(1);
    expect(await ours()).toBe(1);
  });

  it("is lost by nothing that happens at the same time", async () => {
    await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        await world.access(`s${index}`);
        await world.client.call("rotateAuthority", {});
        await world.client.call("remove", { sessionId: `s${index}` });
      }),
    );
    const last = await world.access("last");
    expect(await isTrusted(last)).toBe(true);
    const [current] = (await readFile(join(world.home, "proxy", "authority.pem"), "utf8")).match(certificate) ?? [];
    expect(last.ca.startsWith(current ?? "none")).toBe(true);
    await world.client.call("remove", { sessionId: "last" });
    expect(await ours()).toBe(1);
  });
});
