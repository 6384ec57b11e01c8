import { existsSync, readFileSync } from "node:fs";
import { request as ask } from "node:http";
import path from "node:path";

import { describe, expect, test } from "vitest";

import { canConfine, openGuestHome, reportsOf } from "./guest-world.ts";
import { until } from "./until.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: modelKey = "",
  CLAUDERON_REQUIRE: required = "",
} = process.env;
const secret = "sk-ant-REAL-19cc02d8e1";
const LONG_MS = 240_000;

const isThere = existsSync(path.join(programs, "claude")) && modelUrl !== "";
const why =
  "not run: the real claude behind a guest (CLAUDERON_TEST_AGENTS, CLAUDERON_TEST_MODEL_URL and _KEY say where it is)";
const isRequired = required.split(/[\s,]+/u).some((word) => word === "claude" || word === "agents");
if (!isThere && isRequired) throw new Error(why);
if (!isThere) process.stdout.write(`${why}\n`);

describe.runIf(isThere && canConfine("the real claude behind a guest"))("the real claude behind a guest", () => {
  test(
    "works by its channel alone, and its hooks tell what it comes to",
    async () => {
      await using home = await openGuestHome("socket", secret);
      const taken = new Set<string>();
      home.respond = (request, response) => {
        const { "x-api-key": key, host: _host, ...headers } = request.headers;
        taken.add(String(key));
        const { method } = request;
        const forwarded = ask(`${modelUrl}${request.url ?? "/"}`, {
          method,
          headers: { ...headers, "x-api-key": modelKey },
        });
        forwarded.once("response", (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        forwarded.once("error", () => response.destroy());
        request.pipe(forwarded);
      };
      await home.run();
      await using client = home.client();
      const session = await client.sessions.create({
        name: "fix",
        repository: home.repository,
        backend: "ward",
        agent: "claude",
        permissionMode: "bypass",
        isHeadless: true,
        prompt: "%write hello.txt ok\n%say done",
        environment: {
          HOME: home.root,
          PATH: `${programs}:${process.env["PATH"] ?? ""}`,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        },
      });
      await until(async () => (await session.detail()).lifecycle !== "running", "the agent does not end", 120_000);
      const detail = await session.detail();
      expect(detail).toMatchObject({ lifecycle: "stopped", exitCode: 0 });
      expect(readFileSync(path.join(detail.workspace, "hello.txt"), "utf8")).toBe("ok\n");
      expect([...taken]).toEqual([secret]);
      await until(async () => (await reportsOf(client)).includes("Stop"), "its end of a turn is not told");
      const told = await reportsOf(client);
      expect(told[0]).toMatch(/^SessionStart/u);
      expect(told).toEqual(expect.arrayContaining(["UserPromptSubmit", "PreToolUse Write", "PostToolUse Write"]));
      await session.delete({ discard: true });
    },
    LONG_MS,
  );
});
