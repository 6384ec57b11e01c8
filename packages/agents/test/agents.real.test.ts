import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";

import type { AgentPlan } from "@clauderon/core/contract";
import { markedProcesses, markerVariable } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { trustClaudeWorktrees } from "../src/index.ts";
import { AgentHome, agentNamed } from "./agent-home.ts";
import { openTerminal } from "./open-terminal.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: key = "",
  CLAUDERON_REQUIRE: required = "",
} = process.env;

/** What the user's own login and settings would be: the agent talks to the scripted model. */
const logins: Readonly<Record<string, (home: AgentHome) => Readonly<Record<string, string>>>> = {
  claude: (home) => {
    const answered = { hasCompletedOnboarding: true, customApiKeyResponses: { approved: [key.slice(-20)] } };
    home.file(".claude.json", JSON.stringify(answered));
    return {
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: key,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
      CLAUDE_CODE_MAX_RETRIES: "0",
      IS_SANDBOX: "1",
    };
  },
  codex: (home) => {
    home.file(".codex/auth.json", JSON.stringify({ auth_mode: "apikey", OPENAI_API_KEY: key }));
    const settings = ["analytics.enabled = false", "features.plugins = false", `openai_base_url = "${modelUrl}/v1"`];
    home.file(".codex/config.toml", `${settings.join("\n")}\n`);
    return { CODEX_API_KEY: key };
  },
  gemini: (home) => {
    const settings = {
      security: { auth: { selectedType: "gemini-api-key" } },
      privacy: { usageStatisticsEnabled: false },
    };
    home.file(".gemini/settings.json", JSON.stringify(settings));
    return { GOOGLE_GEMINI_BASE_URL: modelUrl, GEMINI_API_KEY: key };
  },
};

const someone = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"];

interface LogEntry {
  readonly vendor?: string;
  readonly model?: string;
  readonly prompt?: string;
  readonly isSideCall?: boolean;
  readonly messages?: number;
}

/** The prompts of this run that reached the model, each once for each of its turns. */
async function promptsSeen(mark: string): Promise<readonly LogEntry[]> {
  const answer = await fetch(`${modelUrl}/_log`);
  const log = (await answer.json()) as readonly LogEntry[];
  return log.filter((entry) => entry.isSideCall !== true && entry.prompt?.includes(mark) === true);
}

describe.each(Object.keys(logins))("the real %s", (name) => {
  const isThere = existsSync(join(programs, name)) && modelUrl !== "";
  if (!isThere)
    process.stdout.write(
      `not run: the real ${name} (CLAUDERON_TEST_AGENTS, CLAUDERON_TEST_MODEL_URL and _KEY say where it is)\n`,
    );
  const run = isThere || required.split(/[\s,]+/).some((word) => word === name || word === "agents") ? test : test.skip;

  let home: AgentHome;
  let environment: Readonly<Record<string, string>>;

  beforeEach(() => {
    home = new AgentHome();
    execFileSync("git", ["init", "--quiet", home.workspace]);
    const login = logins[name]?.(home) ?? {};
    environment = { ...login, HOME: home.home, PATH: `${programs}:${process.env["PATH"] ?? ""}`, LANG: "C.UTF-8" };
  });

  afterEach(() => {
    home[Symbol.dispose]();
  });

  const plan = (changes: Parameters<AgentHome["request"]>[0]) =>
    agentNamed(name).plan(home.request({ isHeadless: true, environment, ...changes }));

  const writeFiles = ({ files }: AgentPlan) => {
    for (const file of files) {
      mkdirSync(dirname(file.path), { recursive: true });
      writeFileSync(file.path, file.content, { mode: 0o600 });
    }
  };

  const execute = async (plan: AgentPlan, cwd: string = home.workspace) => {
    writeFiles(plan);
    const {
      argv: [program, ...args],
      environment: added,
    } = plan;
    const env = { ...environment, ...added };
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return { exitCode: child.exitCode, output, errors };
  };

  run("is found with its version", async () => {
    expect(await agentNamed(name).find(environment)).toEqual({
      program: join(programs, name),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  run("does what the prompt says, is asked once, and goes on with the same conversation", async () => {
    const mark = `run ${crypto.randomUUID()}`;
    const prompt = `--leading dash, 'quotes' "and" $HOME \`id\`, ${mark}\n%write hello.txt hi\n%run echo ok >> hello.txt\n%say done`;
    const first = await plan({ prompt, permissionMode: "bypass" });
    const done = await execute(first);
    expect(done).toMatchObject({ exitCode: 0, output: expect.stringContaining("done") });
    expect(readFileSync(join(home.workspace, "hello.txt"), "utf8")).toBe("hi\nok\n");
    const before = await promptsSeen(mark);
    expect(new Set(before.map((entry) => entry.prompt?.trim()))).toEqual(new Set([prompt]));

    const resumed = await plan({ prompt, permissionMode: "bypass", isResume: true });
    expect(resumed.argv.join(" ")).not.toContain(mark);
    const answer = await execute(resumed);
    expect(answer).toMatchObject({ exitCode: 0, output: expect.stringContaining("Continue where you stopped.") });
    expect(resumed.notices.join()).toContain("Continue where you stopped.");
    // The model got the old messages with the new one (Codex's socket names them by id), not the old prompt again.
    const [last] = (await promptsSeen("Continue where you stopped.")).toReversed();
    if (name !== "codex") expect(last?.messages).toBeGreaterThan(2);
    expect(await promptsSeen(mark)).toHaveLength(before.length);
    const again = await plan({ prompt, permissionMode: "bypass", isResume: true });
    expect(again.conversationId).toBe(resumed.conversationId);
    expect(readFileSync(join(home.workspace, "hello.txt"), "utf8")).toBe("hi\nok\n");
  });

  run("in a terminal: the prompt arrives once, SIGTERM ends it, the conversation is on the screen again", async () => {
    await trustClaudeWorktrees(home.home, join(home.root, "work"));
    const agent = agentNamed(name, { [name]: { trustWorktrees: true } });
    const mark = `m${crypto.randomUUID().slice(0, 8)}`;
    const prompt = `-- "quoted"\n%run echo ${mark} >> hello.txt\n%say done`;
    const request = home.request({ prompt, permissionMode: "bypass", environment });
    const open = async (plan: AgentPlan) => {
      writeFiles(plan);
      const all = { ...environment, ...plan.environment, TERM: "xterm-256color", [markerVariable]: mark };
      return openTerminal(plan.argv, { cwd: home.workspace, environment: all });
    };

    const first = await open(await agent.plan(request));
    // The prompt, then the command's result.
    await expect.poll(async () => (await promptsSeen(mark)).length, { timeout: 90_000 }).toBe(2);
    await expect
      .poll(() => agent.plan({ ...request, isResume: true }), { timeout: 30_000 })
      .toMatchObject({
        argv: expect.not.arrayContaining([expect.stringContaining(mark)]),
      });
    await first.process.kill("SIGTERM");
    await first.process.exit;
    expect(readFileSync(join(home.workspace, "hello.txt"), "utf8")).toBe(`${mark}\n`);

    const resumed = await agent.plan({ ...request, isResume: true });
    const second = await open(resumed);
    await expect.poll(() => second.screen(), { timeout: 90_000 }).toContain(mark);
    await second.process.kill("SIGTERM");
    await second.process.exit;
    expect(await promptsSeen(mark)).toHaveLength(2);
    // No server of the agent's stays behind.
    await expect.poll(() => markedProcesses(mark), { timeout: 30_000 }).toEqual([]);
    expect((await agent.plan({ ...request, isResume: true })).conversationId).toBe(resumed.conversationId);
  });

  run("begins with a copy of another session's conversation, or says that it cannot", async () => {
    const mark = `m${crypto.randomUUID().slice(0, 8)}`;
    execFileSync("git", ["-C", home.workspace, ...someone, "commit", "--quiet", "--allow-empty", "-m", "First"]);
    const original = await plan({ prompt: `%say ${mark}` });
    expect(await execute(original)).toMatchObject({ exitCode: 0 });
    const other = join(home.root, "work", "fork");
    execFileSync("git", ["-C", home.workspace, "worktree", "add", "--quiet", other]);
    const forkOf = original.conversationId ?? crypto.randomUUID();
    const next = { prompt: "%say forked", conversationId: crypto.randomUUID(), workspacePath: other, forkOf };
    const forked = await plan(next);
    const done = await execute(forked, other);
    expect(done).toMatchObject({ exitCode: 0, output: expect.stringContaining("forked") });
    const notices = forked.notices.join();
    const [last] = (await promptsSeen("%say forked")).toReversed();
    if (name === "claude") {
      expect([notices, last?.messages]).toEqual([expect.not.stringContaining("new conversation"), expect.any(Number)]);
      expect(last?.messages).toBeGreaterThan(2);
      const resumed = await plan({ ...next, isResume: true });
      expect([resumed.conversationId, resumed.argv.includes("--fork-session")]).toEqual([next.conversationId, false]);
    } else expect(notices).toContain("new conversation");
  });

  run("takes a resume without a conversation for a fresh start", async () => {
    const { output, exitCode } = await execute(await plan({ prompt: "%say fresh", isResume: true }));
    expect([exitCode, output.trim().split("\n").at(-1)]).toEqual([0, "fresh"]);
  });

  run.each(["ask", "edits", "auto"] as const)(
    "knows the flags of permission mode %s and of plan mode",
    async (permissionMode) => {
      for (const isPlanMode of [false, true]) {
        using other = new AgentHome();
        const changes = {
          prompt: `%say ${permissionMode}`,
          permissionMode,
          isPlanMode,
          sessionDirectory: other.sessionDirectory,
        };
        const conversationId = crypto.randomUUID();
        expect(await execute(await plan({ ...changes, conversationId }))).toMatchObject({
          exitCode: 0,
          output: expect.stringContaining(permissionMode),
        });
      }
    },
  );

  run("gets a prompt of 200 KiB by a file", async () => {
    const { exitCode } = await execute(await plan({ prompt: "x".repeat(200 * 1024) }));
    expect(exitCode).toBe(0);
    const path = join(home.sessionDirectory, "prompt.md");
    expect(await promptsSeen(path)).not.toHaveLength(0);
  });
});
