import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { AgentPlan } from "@clauderon/core/contract";
import { expect, test } from "vitest";

import { AgentHome, agentNamed } from "./agent-home.ts";

function rollout(home: AgentHome, id: string, meta: Readonly<Record<string, unknown>> = {}): void {
  const now = new Date().toISOString();
  const payload = {
    id,
    cwd: home.workspace,
    source: "cli",
    thread_source: "user",
    base_instructions: { text: "x".repeat(30_000) },
    ...meta,
  };
  home.file(
    `.codex/sessions/${now.slice(0, 10).replaceAll("-", "/")}/rollout-${now.slice(0, 19).replaceAll(":", "-")}-${id}.jsonl`,
    `${JSON.stringify({ type: "session_meta", payload })}\n{"type":"event_msg"}\n`,
  );
}

function write(plan: AgentPlan): void {
  for (const file of plan.files) {
    mkdirSync(dirname(file.path), { recursive: true });
    writeFileSync(file.path, file.content);
  }
}

const plan = (home: AgentHome, changes: Parameters<AgentHome["request"]>[0] = {}, trustWorktrees = false) => {
  home.program("codex");
  return agentNamed("codex", { codex: { trustWorktrees } }).plan(home.request(changes));
};

test("interactive: no daemon stays behind, the prompt comes after --", async () => {
  using home = new AgentHome();
  const { argv, conversationId } = await plan(home, { prompt: "do it", model: "gpt" });
  expect(argv.slice(1)).toEqual([
    "--no-daemon",
    "--config",
    "features.daemon_auto_start=false",
    "--config",
    "check_for_update_on_startup=false",
    "--config",
    'approval_policy="on-request"',
    "--config",
    'sandbox_mode="read-only"',
    "--model=gpt",
    "--",
    "do it",
  ]);
  expect(conversationId).toBeUndefined();
});

test("behind a credential proxy the key is not sent to a second host", async () => {
  using home = new AgentHome();
  const setting = "features.api_key_model_discovery=false";
  const proxied = { ...home.environment, CLAUDERON_SESSION_PROXY: "HTTPS_PROXY CODEX_CA_CERTIFICATE" };
  for (const isHeadless of [true, false]) {
    expect((await plan(home, { isHeadless })).argv).not.toContain(setting);
    expect((await plan(home, { isHeadless, environment: proxied })).argv).toContain(setting);
  }
});

test.each([
  ["ask", ['approval_policy="on-request"', 'sandbox_mode="read-only"']],
  ["edits", ['approval_policy="on-request"', 'sandbox_mode="workspace-write"']],
  ["auto", ["--approve-for-me"]],
  ["bypass", ["--dangerously-bypass-approvals-and-sandbox"]],
] as const)("permission mode %s", async (permissionMode, words) => {
  using home = new AgentHome();
  const permissions = (argv: readonly string[]) => argv.filter((word) => /approv|sandbox/.test(word));
  expect(permissions((await plan(home, { permissionMode })).argv)).toEqual(words);
  expect(permissions((await plan(home, { permissionMode, isHeadless: true })).argv)).toEqual(
    words.map((word) => word.replace("on-request", "never")),
  );
  expect(permissions((await plan(home, { permissionMode, isPlanMode: true })).argv)).toEqual([
    'approval_policy="on-request"',
    'sandbox_mode="read-only"',
  ]);
});

test("a trusted worktree is named for this run alone", async () => {
  using home = new AgentHome();
  expect((await plan(home, {}, true)).argv).toContain(`projects={"${home.workspace}"={trust_level="trusted"}}`);
  expect((await plan(home)).argv.join()).not.toContain("trust_level");
});

test("its thread is found by the session's directory: not an earlier one, another directory's, nor one Codex runs for itself", async () => {
  using home = new AgentHome();
  rollout(home, "01a1fe0d-0000-7000-8000-000000000001");
  write(await plan(home, { prompt: "do it" }));
  const missing = await plan(home, { prompt: "do it", isResume: true });
  expect(missing.argv.slice(-2)).toEqual(["--", "do it"]);
  rollout(home, "01a1fe0d-0000-7000-8000-000000000002");
  rollout(home, "01a1fe0d-0000-7000-8000-000000000003", { cwd: "/elsewhere" });
  rollout(home, "01a1fe0d-0000-7000-8000-000000000004", { thread_source: "subagent" });
  home.file(".codex/sessions/2099/01/01/rollout-2099-01-01T00-00-00-x.jsonl", "being written");
  const resumed = await plan(home, { prompt: "do it", isResume: true });
  expect(resumed.argv.slice(-3)).toEqual(["resume", "--", "01a1fe0d-0000-7000-8000-000000000002"]);
  expect(resumed.conversationId).toBe("01a1fe0d-0000-7000-8000-000000000002");
  expect(resumed.files).toEqual([]);
});

test("a workspace behind a link is the same workspace", async () => {
  using home = new AgentHome();
  const workspacePath = join(home.root, "link");
  symlinkSync(home.workspace, workspacePath);
  write(await plan(home, { workspacePath, prompt: "do it" }));
  rollout(home, "01a1fe0d-0000-7000-8000-000000000007");
  const resumed = await plan(home, { workspacePath, isResume: true });
  expect(resumed.conversationId).toBe("01a1fe0d-0000-7000-8000-000000000007");
});

test("headless: exec, outside a repository too; resumed it is told to continue", async () => {
  using home = new AgentHome();
  write(await plan(home, { prompt: "do it", isHeadless: true }));
  rollout(home, "01a1fe0d-0000-7000-8000-000000000005", { source: "exec" });
  const { argv } = await plan(home, { prompt: "do it", isHeadless: true, isResume: true });
  expect(argv[1]).toBe("exec");
  expect(argv.slice(-5)).toEqual([
    "--skip-git-repo-check",
    "resume",
    "--",
    "01a1fe0d-0000-7000-8000-000000000005",
    "Continue where you stopped.",
  ]);
});

test("CODEX_HOME moves the threads; a lost note of the start costs no conversation", async () => {
  using home = new AgentHome();
  rollout(home, "01a1fe0d-0000-7000-8000-000000000006");
  const environment = { ...home.environment, HOME: "/nowhere", CODEX_HOME: `${home.home}/.codex` };
  const { conversationId } = await plan(home, { isResume: true, environment });
  expect(conversationId).toBe("01a1fe0d-0000-7000-8000-000000000006");
});
