import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { startClientWorld } from "./client-world.ts";
import { runsClient } from "./required-client.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_TLS_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_CA: authorityPath = "",
  CLAUDERON_TEST_MODEL_KEY: key = "",
} = process.env;

const prompt = "%say Working on it\n%run echo ok >> hello.txt\n%say Grüße";

interface AgentClient {
  readonly name: "claude" | "codex" | "gemini";
  readonly argv: readonly string[];
  readonly host: string;
  readonly variable: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Headless, and quiet about what is not the model. */
const agents: readonly AgentClient[] = [
  {
    name: "claude",
    argv: ["--print", "--permission-mode", "acceptEdits", "--allowedTools", "Bash", "--", prompt],
    host: "api.anthropic.com",
    variable: "ANTHROPIC_API_KEY",
    environment: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
  },
  {
    name: "codex",
    argv: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
    host: "api.openai.com",
    variable: "OPENAI_API_KEY",
  },
  {
    name: "gemini",
    argv: ["--skip-trust", "--approval-mode", "yolo", "--prompt", prompt],
    host: "generativelanguage.googleapis.com",
    variable: "GEMINI_API_KEY",
    environment: { GEMINI_CLI_NO_RELAUNCH: "true" },
  },
];

describe("C3 the real agents work at their vendor's own host with a placeholder alone", () => {
  for (const agent of agents) {
    const program = join(programs, agent.name);
    const isReady = modelUrl !== "" && existsSync(authorityPath);
    if (!runsClient(agent.name, isReady ? [program, "--version"] : ["CLAUDERON_TEST_MODEL_TLS_URL-is-not-set"]))
      continue;
    it(agent.name, async () => {
      await using world = await startClientWorld(
        {
          origins: { [agent.host]: Number(new URL(modelUrl).port), "chatgpt.com": Number(new URL(modelUrl).port) },
          secrets: { [agent.variable]: key },
          authority: await readFile(authorityPath, "utf8"),
        },
        agent.name,
      );
      const cwd = join(world.home, "work");
      await mkdir(cwd);
      expect((await world.run(["git", "init", "--quiet"], { cwd })).code).toBe(0);
      const argv = [program, ...world.agentArguments, ...agent.argv];
      const { code, output } = await world.run(argv, { cwd, environment: agent.environment ?? {} });
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("Grüße") });
      expect(await readFile(join(cwd, "hello.txt"), "utf8")).toBe("ok\n");
      expect(output).not.toContain(key);
      expect(await world.written()).not.toContain(key);
      const injected = async (): Promise<readonly unknown[]> =>
        (await world.audit()).filter(({ decision }) => decision === "injected").map(({ service }) => service);
      // Lines are written a moment after what they tell.
      await expect.poll(async () => new Set(await injected())).toEqual(new Set([agent.host]));
      const audit = await world.audit();
      // Codex asks ChatGPT for models with the API key unless it is told not to.
      expect(audit.map(({ path }) => path)).not.toContain("/backend-api/codex/models");
    });
  }
});
