import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { createClient } from "@clauderon/core";
import type { CreateSessionRequest } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import { ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: modelKey = "",
  CLAUDERON_REQUIRE: required = "",
} = process.env;

const SOON_MS = 120_000;
const LONG_MS = 280_000;
const prompt = "%think 3000\n%usage 5000 70\n%write hello.txt ok\n%say Grüße";

type Case = Pick<CreateSessionRequest, "permissionMode" | "budget"> & { readonly agent: string; readonly kind: string };

const cases: readonly Case[] = [
  { kind: "from its start on", agent: "claude", permissionMode: "edits", budget: "5ktokens" },
  { kind: "from its start on", agent: "codex", permissionMode: "bypass", budget: "5ktokens" },
  // Without one it speaks to its model over a WebSocket.
  { kind: "set during its first answer", agent: "codex", permissionMode: "bypass" },
];

describe.each(cases)("the real $agent with a budget $kind", ({ agent, permissionMode, budget }) => {
  const isThere = existsSync(path.join(programs, agent)) && modelUrl !== "";
  if (!isThere)
    process.stdout.write(
      `not run: the real ${agent} over a budget (CLAUDERON_TEST_AGENTS, CLAUDERON_TEST_MODEL_URL and _KEY say where it is)\n`,
    );
  const isRequired = required.split(/[\s,]+/u).some((word) => word === agent || word === "agents");

  (isThere || isRequired ? test : test.skip)(
    "is stopped at its next call, and goes on by itself once the limit is raised",
    async () => {
      await using home = await ProxiedHome.open();
      const upstreams = ["api.anthropic.com", "api.openai.com"].map((host) => `"${host}" = "${modelUrl}"\n`);
      writeFileSync(path.join(home.home, "proxy.toml"), `[proxy.upstreams]\n${upstreams.join("")}`);
      home.storeSecret("anthropic", modelKey);
      home.storeSecret("openai", modelKey);
      const own = { PATH: `${programs}:${process.env["PATH"] ?? ""}`, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" };
      await home.run(own);
      await using client = createClient({
        homeDirectory: home.home,
        environment: { ...home.environment, ...own },
        startDaemon: false,
      });
      const { repository } = home;
      const asked = { name: "fix", repository, agent, permissionMode, prompt, isHeadless: true, budget };
      const session = await client.sessions.create(asked);
      const audit = (): string => {
        const file = path.join(home.home, "audit.jsonl");
        return existsSync(file) ? readFileSync(file, "utf8") : "";
      };
      if (budget === undefined) {
        const isOpen = (): boolean => /"response_code":101\b.*"kind":"upgrade"/u.test(audit());
        await until(isOpen, () => `no WebSocket was opened:\n${audit()}`, SOON_MS);
        await session.changeAccess({ budget: "5ktokens" });
      }
      await until(
        () => audit().includes("budget-reached"),
        () => `no call was stopped:\n${audit()}`,
        SOON_MS,
      );
      expect((await session.budget()).session).toMatchObject({ isReached: true, limit: "5ktokens" });
      expect((await session.detail()).lifecycle).toBe("running");
      await session.changeAccess({ budget: "500ktokens" });
      let words = "";
      await until(
        async () => (await session.detail()).lifecycle !== "running",
        () => `it does not go on: ${words}`,
        SOON_MS,
      );
      words = await session.text();
      expect(await session.detail()).toMatchObject({ lifecycle: "stopped", exitCode: 0 });
      expect(words).toContain("Grüße");
      expect(readFileSync(path.join((await session.detail()).workspace, "hello.txt"), "utf8")).toBe("ok\n");
      expect(words + audit()).not.toContain(modelKey);
      await session.delete({ discard: true });
    },
    LONG_MS,
  );
});
