import { expect, test } from "vitest";

import { AgentHome, agentNamed } from "./agent-home.ts";

const ID = "5b3c9a70-1f0e-4f6e-9a34-0d9b6f0c2a11";
const path = `.gemini/tmp/fix/chats/session-2026-11-21T12-20-${ID.slice(0, 8)}.jsonl`;
const start = `{"sessionId":"${ID}","kind":"main"}\n{"$set":{"messages":[{"type":"user","content":"<session_context>"}]}}\n`;

const plan = (home: AgentHome, changes: Parameters<AgentHome["request"]>[0] = {}, trustWorktrees = false) => {
  home.program("gemini");
  return agentNamed("gemini", { gemini: { trustWorktrees } }).plan(home.request(changes));
};

test("a new conversation gets our id; no launcher stays in front", async () => {
  using home = new AgentHome();
  const { argv, environment } = await plan(home, { prompt: "--do it", model: "pro" });
  expect(argv.slice(1)).toEqual([
    `--session-id=${ID}`,
    "--approval-mode=default",
    "--model=pro",
    "--prompt-interactive=--do it",
  ]);
  expect(environment).toEqual({ GEMINI_CLI_NO_RELAUNCH: "true" });
});

test.each([
  ["ask", "default"],
  ["edits", "auto_edit"],
  ["auto", "auto_edit"],
  ["bypass", "yolo"],
] as const)("permission mode %s is %s; plan mode comes before it", async (permissionMode, flag) => {
  using home = new AgentHome();
  expect((await plan(home, { permissionMode })).argv).toContain(`--approval-mode=${flag}`);
  expect((await plan(home, { permissionMode, isPlanMode: true })).argv).toContain("--approval-mode=plan");
});

test("trust is skipped headless, inside a sandbox and where the configuration says so", async () => {
  using home = new AgentHome();
  const skips = async (...args: Parameters<typeof plan> extends [unknown, ...infer Rest] ? Rest : never) =>
    (await plan(home, ...args)).argv.includes("--skip-trust");
  expect(await skips()).toBe(false);
  expect(await skips({ isHeadless: true })).toBe(true);
  expect(await skips({ isolation: "vm" })).toBe(true);
  expect(await skips({}, true)).toBe(true);
});

test("a conversation with a message is resumed, one without gives way to the next id", async () => {
  using home = new AgentHome();
  home.file(path, start);
  const fresh = await plan(home, { prompt: "do it", isResume: true });
  expect(fresh.conversationId).not.toBe(ID);
  expect(fresh.argv).toContain(`--session-id=${fresh.conversationId ?? ""}`);
  expect(fresh.argv.at(-1)).toBe("--prompt-interactive=do it");
  home.file(path, `${start}{"id":"1","type":"user","content":[{"text":"do it"}]}\n`);
  const resumed = await plan(home, { prompt: "do it", isResume: true });
  expect(resumed.argv.slice(1)).toEqual([`--resume=${ID}`, "--approval-mode=default"]);
});

test("another conversation whose id begins alike is not taken for it", async () => {
  using home = new AgentHome();
  home.file(path, `${start.replaceAll(ID, `${ID.slice(0, 8)}-other`)}{"id":"1","type":"user"}\n`);
  expect((await plan(home, { isResume: true })).argv).toContain(`--session-id=${ID}`);
});

test("headless: --prompt; resumed it is told to continue", async () => {
  using home = new AgentHome();
  expect((await plan(home, { prompt: "do it", isHeadless: true })).argv.at(-1)).toBe("--prompt=do it");
  home.file(path, `${start}{"id":"1","type":"user","content":[{"text":"do it"}]}\n`);
  const { argv } = await plan(home, { prompt: "do it", isHeadless: true, isResume: true });
  expect(argv.at(-1)).toBe("--prompt=Continue where you stopped.");
});
