import { readFileSync } from "node:fs";
import { join } from "node:path";

import { createCommandRunner } from "@clauderon/core/host";
import { expect, test } from "vitest";

import { createClaude } from "../src/claude.ts";
import { AgentHome } from "./agent-home.ts";

const ID = "5b3c9a70-1f0e-4f6e-9a34-0d9b6f0c2a11";

const claude = (home: AgentHome, options: { readonly isRoot?: boolean; readonly trustWorktrees?: boolean } = {}) => {
  home.program("claude");
  const { isRoot = false, trustWorktrees } = options;
  return createClaude({ runner: createCommandRunner(), settings: { trustWorktrees }, isRoot });
};

const conversation = (id: string) => `.claude/projects/-some-where/${id}.jsonl`;
const message = `{"type":"queue-operation","content":"x"}\n{"parentUuid":null,"type":"user","message":{}}\n`;

test("a new conversation gets our id", async () => {
  using home = new AgentHome();
  const { argv, environment, files } = await claude(home).plan(home.request({ prompt: "do it", model: "opus" }));
  expect(argv.slice(1)).toEqual(["--session-id", ID, "--permission-mode", "default", "--model=opus", "--", "do it"]);
  expect([environment, files]).toEqual([{}, []]);
});

test.each([
  ["ask", "default"],
  ["edits", "acceptEdits"],
  ["auto", "auto"],
  ["bypass", "bypassPermissions"],
] as const)("permission mode %s is %s; plan mode comes before it", async (permissionMode, flag) => {
  using home = new AgentHome();
  const { argv } = await claude(home).plan(home.request({ permissionMode }));
  expect(argv[argv.indexOf("--permission-mode") + 1]).toBe(flag);
  const planned = await claude(home).plan(home.request({ permissionMode, isPlanMode: true }));
  expect(planned.argv[planned.argv.indexOf("--permission-mode") + 1]).toBe("plan");
});

test("bypass comes with a settings file of the session that answers Claude Code's warning", async () => {
  using home = new AgentHome();
  const { argv, files } = await claude(home).plan(home.request({ permissionMode: "bypass" }));
  const path = join(home.sessionDirectory, "claude-settings.json");
  expect(argv.slice(-2)).toEqual(["--settings", path]);
  expect(files).toEqual([{ path, content: '{"skipDangerousModePermissionPrompt":true}' }]);
});

test("hooks run what the sandbox has for them, whatever its path, and go into the same settings", async () => {
  using home = new AgentHome();
  const hookCommand = ["/run/it's here/guest", "hook"] as const;
  const path = join(home.sessionDirectory, "claude-settings.json");
  for (const permissionMode of ["ask", "bypass"] as const) {
    const request = home.request({ permissionMode, isolation: "container", hookCommand });
    const { argv, files } = await claude(home).plan(request);
    expect(argv[argv.indexOf("--settings") + 1]).toBe(path);
    const { hooks, ...more } = JSON.parse(files[0]?.content ?? "") as { readonly hooks: Record<string, unknown> };
    const command = "'/run/it'\\''s here/guest' hook";
    expect(hooks["Stop"]).toEqual([{ hooks: [{ type: "command", command, timeout: 5 }] }]);
    expect(Object.keys(hooks)).toEqual(expect.arrayContaining(["Notification", "PermissionRequest", "PreToolUse"]));
    expect(more).toEqual(permissionMode === "bypass" ? { skipDangerousModePermissionPrompt: true } : {});
  }
});

test("bypass as root is refused on this machine, unless it is said to be a sandbox; inside one it is set", async () => {
  using home = new AgentHome();
  const agent = claude(home, { isRoot: true });
  const request = home.request({ permissionMode: "bypass" });
  await expect(agent.plan(request)).rejects.toMatchObject({
    code: "usage.invalid",
    fix: expect.arrayContaining([expect.stringContaining("IS_SANDBOX=1")]),
  });
  expect((await agent.plan({ ...request, environment: { ...home.environment, IS_SANDBOX: "1" } })).environment).toEqual(
    {},
  );
  expect((await agent.plan({ ...request, isPlanMode: true })).argv).toContain("plan");
  expect((await agent.plan({ ...request, isolation: "container" })).environment["IS_SANDBOX"]).toBe("1");
});

test("a conversation that exists is resumed without the prompt, even by a plan that did not ask for it", async () => {
  using home = new AgentHome();
  home.file(conversation(ID), message);
  for (const isResume of [true, false]) {
    const { argv, conversationId } = await claude(home).plan(home.request({ prompt: "do it", isResume }));
    expect(argv.slice(1)).toEqual(["--resume", ID, "--permission-mode", "default"]);
    expect(conversationId).toBe(ID);
  }
});

test("without a conversation a resume is a fresh start with the prompt", async () => {
  using home = new AgentHome();
  home.file(conversation("another"), message);
  const { argv } = await claude(home).plan(home.request({ prompt: "do it", isResume: true }));
  expect(argv.slice(1, 3)).toEqual(["--session-id", ID]);
  expect(argv.at(-1)).toBe("do it");
});

test("an id used up without a message gives way to the next, the same each time", async () => {
  using home = new AgentHome();
  home.file(conversation(ID), '{"type":"queue-operation","content":"\\"type\\":\\"user\\""}\n');
  const first = await claude(home).plan(home.request({ prompt: "do it", isResume: true }));
  const next = first.conversationId ?? "";
  expect(next).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(first.argv.slice(1, 3)).toEqual(["--session-id", next]);
  expect(first.argv.at(-1)).toBe("do it");
  home.file(conversation(next), message);
  const second = await claude(home).plan(home.request({ prompt: "do it", isResume: true }));
  expect(second.argv.slice(1, 3)).toEqual(["--resume", next]);
  expect(second.argv).not.toContain("do it");
});

test("CLAUDE_CONFIG_DIR moves the conversations", async () => {
  using home = new AgentHome();
  home.file(`moved/projects/-x/${ID}.jsonl`, message);
  const environment = { ...home.environment, CLAUDE_CONFIG_DIR: join(home.home, "moved") };
  expect((await claude(home).plan(home.request({ isResume: true, environment }))).argv).toContain("--resume");
});

test("headless: --print; resumed it is told to continue, and the user is told that", async () => {
  using home = new AgentHome();
  const fresh = await claude(home).plan(home.request({ prompt: "do it", isHeadless: true }));
  expect(fresh.argv.slice(1, 4)).toEqual(["--print", "--session-id", ID]);
  expect(fresh.notices.join()).toContain("refuses what needs permission");
  home.file(conversation(ID), message);
  const resumed = await claude(home).plan(home.request({ prompt: "do it", isHeadless: true, isResume: true }));
  expect(resumed.argv.slice(-2)).toEqual(["--", "Continue where you stopped."]);
  expect(resumed.notices.join()).toContain("Continue where you stopped.");
});

test("a folder that is not trusted is told; one inside a trusted folder is not", async () => {
  using home = new AgentHome();
  const notices = async (trustWorktrees?: boolean) =>
    (await claude(home, { trustWorktrees: trustWorktrees === true }).plan(home.request())).notices;
  expect((await notices()).join()).toContain("asks in its terminal");
  expect((await notices(true)).join()).toContain("clauderon init tells it");
  const state = { projects: { [join(home.root, "work")]: { hasTrustDialogAccepted: true } } };
  const path = home.file(".claude.json", JSON.stringify(state));
  expect(await notices()).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe(JSON.stringify(state));
});

test("a long prompt's file may be read without asking", async () => {
  using home = new AgentHome();
  const { argv } = await claude(home).plan(home.request({ prompt: "x".repeat(200_000) }));
  expect(argv.slice(-4, -1)).toEqual(["--add-dir", home.sessionDirectory, "--"]);
});

test("a copy of another session's conversation begins under our id, and is resumed as our own then", async () => {
  using home = new AgentHome();
  const other = "7d1f6f0e-8c53-4b7a-9d59-0a4b3c2d1e0f";
  const said = JSON.stringify({ type: "user", cwd: home.workspace, message: {} });
  home.file(conversation(other), `{"type":"mode"}\n${said}\n`);
  const request = home.request({ forkOf: other, prompt: "go on" });
  const { argv, notices } = await claude(home).plan(request);
  expect(argv.slice(1, 6)).toEqual(["--resume", other, "--fork-session", "--session-id", ID]);
  expect(argv.at(-1)).toBe("go on");
  expect(notices.join()).not.toContain("new conversation");
  home.file(conversation(ID), message);
  expect((await claude(home).plan({ ...request, isResume: true })).argv.slice(1, 3)).toEqual(["--resume", ID]);
});

test.each(["nothing of it", "its directory is gone", "not in this sandbox"])(
  "a copy that cannot be had is a new conversation, and said: %s",
  async (why) => {
    using home = new AgentHome();
    const other = "7d1f6f0e-8c53-4b7a-9d59-0a4b3c2d1e0f";
    const said = JSON.stringify({ type: "user", cwd: "/no/such/directory", message: {} });
    if (why.includes("directory")) home.file(conversation(other), `${said}\n`);
    const isolation = why.includes("sandbox") ? "container" : "none";
    const { argv, notices } = await claude(home).plan(home.request({ forkOf: other, isolation }));
    expect(argv.slice(1, 3)).toEqual(["--session-id", ID]);
    expect(notices).toContainEqual(expect.stringContaining(why));
  },
);
