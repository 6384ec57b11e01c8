import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { connectProxyProcess } from "@clauderon/proxy/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Installation } from "./installation.ts";
import { refused } from "./refused.ts";

const SLOW = 120_000;
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
  await writeFile(join(here.home, "proxy.toml"), '[budget]\nper_day = "20usd"\n');
}, SLOW);

afterAll(async () => {
  await here.cli(["delete", "--all", "--discard", "--yes"]);
  await rm(join(here.home, "proxy.toml"));
  // The daemon would start it again.
  await here.cli(["daemon", "stop"]);
  await using proxy = await connectProxyProcess(here.home);
  await proxy?.call("stop", { whenIdle: false });
  await proxy?.ended;
  await here[Symbol.asyncDispose]();
}, SLOW);

describe("what a session may do", { timeout: SLOW }, () => {
  test("is refused without consent where the agent can go round; exit code 2, nothing made", async () => {
    const words = ["create", "held", "--network", "listed", "--deny", "x.example"];
    refused(await here.call(words), 2, "add --advisory");
    refused(await here.call(["create", "held", "--budget", "5"]), 2, "is not a budget");
    refused(await here.call(["create", "held", "--allow", "http://x"]), 2, "is not a host");
    expect((await here.call(["list", "--json"])).stdout).toBe("[]\n");
  });

  test("is said when it is created, shown, changed while it runs, and explained", async () => {
    const options = ["--access-mode", "read-only", "--advisory", "--budget", "5usd", "--allow", "a.example"];
    const created = await here.cli(["create", "held", ...options]);
    expect(created).toMatchObject({ code: 0, stdout: "held\n" });
    expect(created.stderr).toContain("advisory");
    const json = async (...words: string[]): Promise<unknown> =>
      JSON.parse((await here.call([...words, "--json"])).stdout) as unknown;
    expect(await json("status", "held")).toMatchObject({
      accessMode: "read-only",
      network: "open",
      allow: ["a.example"],
      deny: [],
      isAdvisory: true,
      budget: "5usd",
    });
    const explain = ["proxy", "explain", "https://api.github.com/gists", "-X", "POST", "--session", "held"];
    expect(await json(...explain)).toMatchObject({ outcome: "refused", refusal: { code: "read-only" } });

    expect((await here.cli(["set-access-mode", "held", "read-write"])).code).toBe(0);
    expect(await json(...explain)).not.toMatchObject({ refusal: { code: "read-only" } });
    await here.call(["set-access-mode", "held", "--mode", "read-only"]);
    expect(await json("access", "held")).toMatchObject({ name: "held", accessMode: "read-only" });
    const { stdout } = await here.call([
      "access",
      "held",
      "read-write",
      "--network",
      "listed",
      "--deny",
      "api.github.com",
    ]);
    expect(stdout).toMatch(/^network +listed$/mu);
    expect(stdout).toMatch(/^denied +api\.github\.com$/mu);
    expect(await json(...explain)).toMatchObject({ refusal: { code: "host-denied" } });
    refused(await here.call(["access", "held", "--remove", "b.example"]), 2, "neither allowed nor denied");

    expect(await json("budget", "held", "10usd")).toMatchObject({
      schemaVersion: 1,
      name: "held",
      session: { limit: "10usd", isReached: false, used: { usd: 0, tokens: 0 } },
      day: { limit: "20usd", isReached: false, used: { usd: 0, tokens: 0 } },
    });
    expect((await here.call(["budget", "held", "none"])).stdout).toMatch(
      /^held +0\.00 usd, 0 tokens; no limit\ntoday +0\.00 usd, 0 tokens; limit 20usd \(all sessions\)\n$/u,
    );
    refused(await here.call(["budget", "nobody"]), 3, "nobody");
  });

  test("has defaults in the configuration", async () => {
    for (const [key, value] of [
      ["session.access_mode", "read-only"],
      ["session.deny", '["x.example", "y.example"]'],
      ["session.budget", "200ktokens"],
    ] as const)
      expect((await here.call(["config", "set", key, value])).code).toBe(0);
    refused(await here.call(["config", "set", "session.budget", "5"]), 2, "5usd");
    refused(await here.call(["config", "set", "session.network", "closed"]), 2, "listed");
    await here.call(["daemon", "restart"]);
    refused(await here.call(["create", "other"]), 2, "session.advisory true");
    await here.call(["config", "set", "session.advisory", "true"]);
    await here.call(["daemon", "restart"]);
    const { code, stdout } = await here.call(["create", "other", "--json", "--deny", "z.example"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      accessMode: "read-only",
      deny: ["x.example", "y.example", "z.example"],
      budget: "200ktokens",
    });
    await here.call(["delete", "other", "--discard", "--yes"]);
  });
});
